/** The training panel of the editor. */
import '../kit/language.ts';
import { render } from 'preact';
import { type FromTrainingPanel, ToTrainingPanel, TrainingPanelState } from '../../server/protocol/panels/training.ts';
import { Host } from '../kit/host.ts';
import '../kit/kit.css';
import './training.css';
import { TrainingPage } from './training-page.tsx';

const page = document.getElementById('page');
const host = new Host<ToTrainingPanel, FromTrainingPanel, TrainingPanelState>(ToTrainingPanel, TrainingPanelState);
if (page !== null) render(<TrainingPage host={host} />, page);
