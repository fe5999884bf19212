import { expect, it } from 'vitest';
import { visible } from './visible.ts';

it('white space and characters without a shape can be seen', () => {
  expect(visible('a b\tc\n\r\n')).toBe('a·b→c¶¶');
  expect(visible('\u00a0\u200b\r\u0007')).toBe('U+00A0U+200BU+000DU+0007');
  expect(visible('é 漢字 👩🏽 ‖x − x̂‖²')).toBe('é·漢字·👩🏽·‖x·−·x̂‖²');
});
