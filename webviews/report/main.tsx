/** The page of `reportPage` and of the editor's report panel: draws the JSON that stands in the same file. */
import '../kit/language.ts';
import { render } from 'preact';
import type { ReportData } from '../../server/protocol/report.ts';
import { Report } from './report.tsx';
import './report.css';

declare const acquireVsCodeApi: (() => { setState(state: unknown): void }) | undefined;

const page = document.getElementById('page');
const json = document.getElementById('report')?.textContent;
if (page !== null && json !== undefined) render(<Report data={JSON.parse(json) as ReportData} />, page);

// What the editor opens the panel with again after it was started anew.
const state = document.getElementById('panel-state')?.textContent;
if (typeof acquireVsCodeApi !== 'undefined' && state !== undefined) acquireVsCodeApi().setState(JSON.parse(state));
