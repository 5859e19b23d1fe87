"""Shows that every approved send leaves exactly once: a whole desk under SIGKILL, judged by what the customers' phones received."""
