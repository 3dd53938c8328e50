import ArgumentParser
import Aviary

#if TensorBoard
  import AviaryTensorBoard
#endif

/// How a run is watched. None of it changes what is learned, so that each may be given with --resume, too.
struct WatchingArguments: ParsableArguments {
  @Flag(help: "Draw curves of loss and accuracy in the terminal.") var plot = false
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Every n steps, print the means since the last time and write them to RUN/steps.csv, and the gradient norm and the share of dead relus of every layer to RUN/layers.csv.",
      valueName: "n"))
  var logEvery: Int?
  @Flag(help: "Write the loss and the accuracy of every step to RUN/steps.csv.") var historySteps = false
  @Flag(
    name: .customLong("tensorboard"),
    help:
      "Write scalars, histograms, images and the confusion matrix for TensorBoard to RUN (needs a build with --traits TensorBoard)."
  )
  var tensorBoard = false
  @Option(
    name: .customLong("tensorboard-dir"),
    help: ArgumentHelp("The folder for TensorBoard's event files instead of RUN.", valueName: "dir"))
  var tensorBoardFolder: String?

  func validate() throws {
    try checkOption("--log-every", logEvery, in: 1...1_000_000_000)
    #if !TensorBoard
      if tensorBoard || tensorBoardFolder != nil {
        throw ValidationError(
          "--tensorboard is not in this build; build aviary with the trait TensorBoard: swift build -c release --traits TensorBoard"
        )
      }
    #endif
  }

  /// - Parameter run: the folder of the run.
  func hooks(run: String) -> TrainingHooks {
    var hooks = TrainingHooks()
    if let processes = Processes.current {
      processes.share(&hooks)
      if !processes.group.isWriter {
        hooks.inspectionInterval = logEvery
        return hooks
      }
    }
    hooks.plotsCurves = plot
    hooks.inspectionInterval = logEvery
    hooks.recordsSteps = historySteps
    #if TensorBoard
      if tensorBoard || tensorBoardFolder != nil {
        TensorBoardLog(in: tensorBoardFolder ?? run).attach(to: &hooks)
      }
    #endif
    return hooks
  }
}
