/** esbuild collects imported style sheets into dist/webviews/NAME.css. */
declare module '*.css';
