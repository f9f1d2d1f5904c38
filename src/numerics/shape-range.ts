const shapeMin = 1e-100;
const shapeMax = 1e100;

/**
 * Whether `value` is a shape, or a number of degrees of freedom, that the distributions of this room
 * take: 1e-100 to 1e100. Their precision is checked from 1e-10 to 1e12; in the rest of the range they
 * give numbers, not NaN.
 */
export function isShape(value: number): boolean {
  return value >= shapeMin && value <= shapeMax;
}
