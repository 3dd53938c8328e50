import ArgumentParser
import Aviary

#if TensorBoard
  import AviaryTensorBoard
#endif

/// How a run is watched. None of it changes what is learned, so that each may be given with --resume, too; a resumed run keeps
/// all but curves in the terminal.
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

  /// What is given, and what a run that is resumed was watched by.
  func options(over kept: WatchingOptions = WatchingOptions()) -> WatchingOptions {
    var options = kept
    options.logEvery = logEvery ?? kept.logEvery
    options.recordsSteps = historySteps || kept.recordsSteps
    if tensorBoard || tensorBoardFolder != nil { options.tensorBoard = tensorBoardFolder.map(absolutePath) ?? "" }
    return options
  }

  /// - Parameters:
  ///   - run: the folder of the run.
  ///   - options: how it is watched.
  func hooks(run: String, _ options: WatchingOptions) -> TrainingHooks {
    var hooks = TrainingHooks()
    if let processes = Processes.current {
      processes.share(&hooks)
      if !processes.group.isWriter { return hooks }
    }
    hooks.plotsCurves = plot
    if let folder = options.tensorBoard {
      #if TensorBoard
        TensorBoardLog(in: folder.isEmpty ? run : folder).attach(to: &hooks)
      #else
        tell("\(run): its log for TensorBoard, \(folder.isEmpty ? "in it" : folder), ends here: this build writes none")
      #endif
    }
    return hooks
  }
}
