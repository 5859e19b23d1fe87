// The half of the session that stays with this origin: a cookie of 127.0.0.1 goes to every port of it.
sessionStorage.setItem("half", document.querySelector('meta[name="half"]').content);
location.replace("/");
