/** The feature page of the editor. */
import { render } from 'preact';
import { FeaturePanelState, type FromFeaturePanel, ToFeaturePanel } from '../../server/protocol/panels/feature.ts';
import { Host } from '../kit/host.ts';
import '../kit/kit.css';
import { FeaturePage } from './feature-page.tsx';
import './feature.css';

const page = document.getElementById('page');
const host = new Host<ToFeaturePanel, FromFeaturePanel, FeaturePanelState>(ToFeaturePanel, FeaturePanelState);
if (page !== null) render(<FeaturePage host={host} />, page);
