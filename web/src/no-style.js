// Stands in for react-style-singleton, with which GraphiQL's dialogs stop the page behind them from
// scrolling by a <style> element. This page never scrolls, and its policy forbids such elements.
export const styleSingleton = () => () => null
export const styleHookSingleton = () => () => {}
