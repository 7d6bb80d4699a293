/** A probability that was stated, and what came. */
export interface Forecast {
  /** 0 to 1. */
  confidence: number;
  wasRight: boolean;
}

/** One bin of the reliability diagram. */
export interface CalibrationBin {
  /** Confidences from here, */
  from: number;
  /** to below here; the last bin holds 1 too. */
  to: number;
  samples: number;
  /** Mean of what was stated; null without a sample. */
  confidence: number | null;
  /** Share that was right; null without a sample. */
  accuracy: number | null;
}

/** How well stated confidences agree with what came. */
export interface Calibration {
  samples: number;
  /** Mean squared difference, 0 is best (G. W. Brier, 1950); null without a sample. */
  brierScore: number | null;
  /** Mean distance of confidence and accuracy over the bins, weighted by samples, 0 is best (Naeini, Cooper and Hauskrecht, 2015); null without a sample. */
  expectedCalibrationError: number | null;
  bins: CalibrationBin[];
}

const BINS = 10;

/** Calibration of forecasts, in ten bins of equal width. */
export function calibrationOf(forecasts: readonly Forecast[]): Calibration {
  const samples = forecasts.length;
  const bins = Array.from({ length: BINS }, (_, i) => binOf(forecasts.filter((forecast) => place(forecast.confidence) === i), i));
  if (samples === 0) return { samples, brierScore: null, expectedCalibrationError: null, bins };
  const squares = forecasts.reduce((sum, { confidence, wasRight }) => sum + (confidence - Number(wasRight)) ** 2, 0);
  const distances = bins.reduce((sum, bin) => sum + bin.samples * Math.abs((bin.confidence ?? 0) - (bin.accuracy ?? 0)), 0);
  return { samples, brierScore: round(squares / samples), expectedCalibrationError: round(distances / samples), bins };
}

// Confidences have two decimals, which binary fractions miss: 0.29 * 100 is 28.999...
const place = (confidence: number): number => Math.min(BINS - 1, Math.floor(Math.round(confidence * 100) / (100 / BINS)));

function binOf(members: readonly Forecast[], at: number): CalibrationBin {
  const samples = members.length;
  const [from, to] = [at / BINS, (at + 1) / BINS];
  if (samples === 0) return { from, to, samples, confidence: null, accuracy: null };
  const mean = (of: (forecast: Forecast) => number): number => round(members.reduce((sum, member) => sum + of(member), 0) / samples);
  return { from, to, samples, confidence: mean(({ confidence }) => confidence), accuracy: mean(({ wasRight }) => Number(wasRight)) };
}

/** Four decimals: more would claim a precision that the samples do not have. */
export const round = (value: number): number => Math.round(value * 1e4) / 1e4;
