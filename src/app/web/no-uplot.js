// In the place of uPlot, where it was not there when the program was built.
export default null;
