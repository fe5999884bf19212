/** The page of `reportPage`: draws the JSON that stands in the same file. */
import { render } from 'preact';
import type { ReportData } from '../../server/protocol/report.ts';
import { Report } from './report.tsx';
import './report.css';

const page = document.getElementById('page');
const json = document.getElementById('report')?.textContent;
if (page !== null && json !== undefined) render(<Report data={JSON.parse(json) as ReportData} />, page);
