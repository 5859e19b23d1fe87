// Everything a reader or a screen reader meets, in the three languages of the page.
import { page } from "./dom.js";

const NAME = "Sandbox chat";
const plural = (one, many) => (n, text) => `${text} ${n === 1 ? one : many}`;

const EN = {
  chatList: "Chat list", results: "Search results.", search: "Search or start a new chat", searchPlain: "Search input textbox",
  all: "All", unreadTab: "Unread", groups: "Groups", sectionChats: "Chats", sectionMessages: "Messages", nothing: "No chats found",
  unread: plural("unread message", "unread messages"), marked: "Unread", muted: "Muted chat", draft: "Draft", typed: "Type a message",
  compose: (n) => `Type a message to ${n}`, composeGroup: (n) => `Type a message to group ${n}`, composePlain: () => "Type a message",
  send: "Send", voice: "Voice message", attach: "Attach", emoji: "Emojis, GIFs, Stickers", you: "You", back: "Back", close: "Close",
  quoted: "Quoted message", more: "Read more", deleted: "This message was deleted", deletedOwn: "You deleted this message",
  edited: "Edited", pending: "Pending", sent: "Sent", delivered: "Delivered", read: "Read", retry: "Retry", today: "Today", yesterday: "Yesterday",
  image: "Photo", voiceKind: "Voice message", video: "Video", document: "Document", sticker: "Sticker", location: "Location", contact: "Contact",
  followers: "128 followers", adminsOnly: "Only admins can send messages",
  poll: "Poll", order: "Order", unknown: "Message", unsupported: "This kind of message is not supported here. Look on your phone.", call: "Voice call", viewOnce: "You received a view once message. For added privacy, you can only open it on your phone.",
  viewOnceShort: "View once message", subtitle: "click here for contact info", loading: "Loading messages…", download: "Download", gone: "This file is no longer available. Ask for it to be sent again.",
  reaction: (e) => `reaction ${e}, 1 in total. View reactions`, playVoice: "Play voice message", recording: "Recording…", cancel: "Cancel",
  intro: "Choose a chat to read and answer it.", introNote: "A local page to practise with. Nothing here leaves this computer.",
  starting: "Loading your chats", scanTitle: "Link a device", scan: "Scan this QR code to link a device!", reload: "Click to reload QR code",
  scanSteps: ["Open the app on your phone", "Choose Linked devices, then Link a device", "Point your phone at this code"],
  scanFake: "No phone here: pretend that it was scanned", linkByPhone: "Link with phone number instead",
  takenOver: `${NAME} is open in another window. Click "Use here" to use ${NAME} in this window.`, useHere: "Use here", connecting: "Connecting…",
  loggedOut: "You were logged out. Link this device again to go on.", linkAgain: "Link again",
  banned: "This account can not use the service at the moment.", outdated: "This version is too old. Update to go on.",
  offlineTitle: "Computer not connected", offlineText: "Make sure your computer has an active internet connection.", reconnect: "Reconnect",
  restricted: "Your account on linked devices is restricted. You can't start new chats right now.",
  newsTitle: `What's new on ${NAME}`, newsText: "Chats now look calmer, and answers are easier to find.", continue: "Continue", newest: "Scroll to bottom",
  blocked: (name) => `Can't send a message to blocked contact ${name}.`, blockedHere: "You blocked this contact.", unblock: "Unblock", adminsOnly: "Only community admins can send messages", syncing: "Syncing older messages",
  invalidNumber: "The phone number +351 000 isn’t on Sandbox chat.", questionTitle: "Delete this chat?", questionText: "It is deleted from this device.",
};

const PT = {
  ...EN,
  chatList: "Lista de conversas", results: "Resultados da pesquisa.", search: "Pesquisar ou começar uma nova conversa",
  searchPlain: "Caixa de texto de pesquisa", all: "Tudo", unreadTab: "Não lidas", groups: "Grupos", sectionChats: "Conversas",
  sectionMessages: "Mensagens", nothing: "Nenhuma conversa encontrada", unread: plural("mensagem não lida", "mensagens não lidas"), marked: "Não lida",
  muted: "Conversa silenciada", draft: "Rascunho", typed: "Digite uma mensagem", compose: (n) => `Digite uma mensagem para ${n}`,
  composeGroup: (n) => `Digite uma mensagem para o grupo ${n}`, composePlain: () => "Digite uma mensagem", send: "Enviar",
  voice: "Mensagem de voz", attach: "Anexar", emoji: "Emojis, GIFs, figurinhas", you: "Você", back: "Voltar", close: "Fechar",
  quoted: "Mensagem citada", more: "Ler mais", deleted: "Esta mensagem foi apagada", deletedOwn: "Você apagou esta mensagem", edited: "Editada",
  pending: "Pendente", sent: "Enviada", delivered: "Entregue", read: "Lida", retry: "Tentar novamente", today: "Hoje", yesterday: "Ontem",
  image: "Foto", voiceKind: "Mensagem de voz", video: "Vídeo", document: "Documento", sticker: "Figurinha", location: "Localização",
  followers: "128 seguidores", adminsOnly: "Só admins podem enviar mensagens",
  contact: "Contato", poll: "Enquete", order: "Pedido", unknown: "Mensagem", unsupported: "Este tipo de mensagem não é compatível. Veja no celular.", call: "Ligação de voz", viewOnceShort: "Mensagem de visualização única", subtitle: "clique para ver os dados",
  viewOnce: "Você recebeu uma mensagem de visualização única. Abra no celular.", loading: "Carregando mensagens…", download: "Baixar", gone: "Este arquivo não está mais disponível. Peça que seja enviado de novo.",
  reaction: (e) => `reação ${e}, 1 no total. Ver reações`, playVoice: "Reproduzir mensagem de voz", recording: "Gravando…", cancel: "Cancelar",
  intro: "Escolha uma conversa para ler e responder.", introNote: "Uma página local para praticar. Nada sai deste computador.",
  starting: "Carregando suas conversas", scanTitle: "Conectar um dispositivo", reload: "Clique para recarregar o código QR",
  scanSteps: ["Abra o aplicativo no celular", "Escolha Dispositivos conectados, Conectar dispositivo", "Aponte o celular para este código"],
  scanFake: "Sem celular: faça de conta que foi lido", linkByPhone: "Conectar com número de telefone",
  takenOver: `${NAME} está aberto em outra janela. Clique em "Usar aqui" para usar ${NAME} nesta janela.`, useHere: "Usar aqui", connecting: "Conectando…",
  banned: "Sua conta foi temporariamente suspensa. Você pode voltar a usar o serviço mais tarde.", outdated: "Esta versão é muito antiga. Atualize para continuar.",
  loggedOut: "Você foi desconectado. Conecte este dispositivo de novo para continuar.", linkAgain: "Conectar de novo",
  offlineTitle: "Computador sem conexão", offlineText: "Verifique se o computador está conectado à internet.", reconnect: "Reconectar",
  restricted: "Sua conta em dispositivos conectados está restrita. Não é possível começar novas conversas agora.",
  newsTitle: `Novidades do ${NAME}`, newsText: "As conversas ficaram mais calmas e as respostas mais fáceis de achar.", continue: "Continuar", newest: "Ir para o fim",
  blocked: (name) => `Não é possível enviar mensagens para o contato bloqueado ${name}.`, blockedHere: "Você bloqueou este contato.", unblock: "Desbloquear", adminsOnly: "Somente admins podem enviar mensagens", syncing: "Sincronizando mensagens antigas",
  invalidNumber: "O número de telefone compartilhado por url é inválido.", questionTitle: "Apagar esta conversa?", questionText: "Ela será apagada deste dispositivo.",
};

const ES = {
  ...EN,
  chatList: "Lista de chats", results: "Resultados de la búsqueda.", search: "Buscar un chat o iniciar uno nuevo",
  searchPlain: "Cuadro de texto para ingresar la búsqueda", all: "Todos", unreadTab: "No leídos", groups: "Grupos", sectionChats: "Chats",
  sectionMessages: "Mensajes", nothing: "No se encontraron chats", unread: plural("mensaje no leído", "mensajes no leídos"), marked: "No leído",
  muted: "Chat silenciado", draft: "Borrador", typed: "Escribir un mensaje", compose: (n) => `Escribir un mensaje para ${n}`,
  composeGroup: (n) => `Escribir un mensaje para el grupo ${n}`, composePlain: (n) => `Escribir un mensaje para ${n}`, send: "Enviar",
  voice: "Mensaje de voz", attach: "Adjuntar", emoji: "Emojis, GIF, stickers", you: "Tú", back: "Atrás", close: "Cerrar",
  quoted: "Mensaje citado", more: "Leer más", deleted: "Se eliminó este mensaje", deletedOwn: "Eliminaste este mensaje", edited: "Editado",
  pending: "Pendiente", sent: "Enviado", delivered: "Entregado", read: "Leído", retry: "Reintentar", today: "Hoy", yesterday: "Ayer",
  followers: "128 seguidores", adminsOnly: "Solo los admins pueden enviar mensajes",
  image: "Foto", voiceKind: "Mensaje de voz", video: "Video", document: "Documento", location: "Ubicación", contact: "Contacto", poll: "Encuesta", order: "Pedido", unknown: "Mensaje", unsupported: "Este tipo de mensaje no es compatible. Mira en tu teléfono.",
  call: "Llamada de voz", viewOnceShort: "Mensaje de visualización única", subtitle: "haz clic para ver la información",
  viewOnce: "Recibiste un mensaje de visualización única. Ábrelo en tu teléfono.", loading: "Cargando mensajes…", download: "Descargar", gone: "Este archivo ya no está disponible. Pide que lo envíen de nuevo.",
  reaction: (e) => `reacción ${e}, 1 en total. Ver reacciones`, playVoice: "Reproducir mensaje de voz", recording: "Grabando…", cancel: "Cancelar",
  intro: "Elige un chat para leerlo y responder.", introNote: "Una página local para practicar. Nada sale de este equipo.",
  starting: "Cargando tus chats", scanTitle: "Vincular un dispositivo", reload: "Haz clic para volver a cargar el código QR",
  scanSteps: ["Abre la aplicación en tu teléfono", "Elige Dispositivos vinculados y Vincular dispositivo", "Apunta el teléfono a este código"],
  scanFake: "Sin teléfono: simula que se escaneó", linkByPhone: "Vincular con el número de teléfono",
  takenOver: `${NAME} está abierto en otra ventana. Haz clic en "Usar aquí" para usar ${NAME} en esta ventana.`, useHere: "Usar aquí", connecting: "Conectando…",
  banned: "Tu cuenta fue suspendida temporalmente. Podrás volver a usar el servicio más tarde.", outdated: "Esta versión es demasiado antigua. Actualízala para seguir.",
  loggedOut: "Se cerró tu sesión. Vuelve a vincular este dispositivo para seguir.", linkAgain: "Vincular de nuevo",
  offlineTitle: "Equipo sin conexión", offlineText: "Asegúrate de que el equipo tenga conexión a internet.", reconnect: "Reconectar",
  restricted: "Tu cuenta en dispositivos vinculados está restringida. No puedes iniciar chats nuevos ahora.",
  newsTitle: `Novedades de ${NAME}`, newsText: "Los chats se ven más tranquilos y las respuestas se encuentran mejor.", continue: "Continuar", newest: "Ir al final",
  blocked: (name) => `No puedes enviar mensajes al contacto bloqueado ${name}.`, blockedHere: "Bloqueaste a este contacto.", unblock: "Desbloquear", adminsOnly: "Solo los admins pueden enviar mensajes", syncing: "Sincronizando mensajes anteriores",
  invalidNumber: "El número de teléfono compartido a través de la dirección URL no es válido.", questionTitle: "¿Eliminar este chat?", questionText: "Se elimina de este dispositivo.",
};

const ALL = { en: EN, pt: PT, es: ES };

export const say = new Proxy({}, { get: (_, name) => ALL[page.lang][name] });

const two = (n) => String(n).padStart(2, "0");

// 10:15 AM in English, 10:15 elsewhere.
export function clock(date) {
  if (page.lang !== "en") return `${two(date.getHours())}:${two(date.getMinutes())}`;
  return `${date.getHours() % 12 || 12}:${two(date.getMinutes())} ${date.getHours() < 12 ? "AM" : "PM"}`;
}

// The date as it stands in data-pre-plain-text.
export function day(date) {
  const [d, m, y] = [date.getDate(), date.getMonth() + 1, date.getFullYear()];
  if (page.lang === "en") return `${m}/${d}/${y}`;
  return page.lang === "pt" ? `${two(d)}/${two(m)}/${y}` : `${d}/${m}/${y}`;
}

export function dayName(date) {
  const midnight = (when) => new Date(when.getFullYear(), when.getMonth(), when.getDate()).getTime();
  const days = Math.round((midnight(new Date()) - midnight(date)) / 86_400_000);
  return days === 0 ? say.today : days === 1 ? say.yesterday : day(date);
}

export const count = (n) => new Intl.NumberFormat(page.lang === "pt" ? "pt-BR" : page.lang).format(n);
