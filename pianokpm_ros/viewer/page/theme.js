// Dark or light: as the system has it, until somebody presses the button.

/** Follow the system and a button; `changed` is called after every change. */
export function followTheme(button, changed = () => {}) {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const set = (theme) => { document.documentElement.dataset.theme = theme; changed(); };
  set(dark.matches ? 'dark' : 'light');
  dark.onchange = () => set(dark.matches ? 'dark' : 'light');
  button.onclick = () => set(document.documentElement.dataset.theme === 'light' ? 'dark' : 'light');
}
