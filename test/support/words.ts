/** The arguments of a command line as it is typed, none of which has a space in it. */
export const words = (line: string): string[] => line.split(" ");
