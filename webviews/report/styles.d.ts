/** esbuild collects imported style sheets into dist/webviews/report.css. */
declare module '*.css';
