import ArgumentParser
import Aviary
import AviaryArchives
import AviaryPictures
import AviarySearch

struct SearchCommand: ForwardingCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Search for the settings of train or finetune that do best on validation.",
    usage: "aviary search train|finetune <argument> ... --try <name=values> ... --study <file> --trials <n>",
    discussion: """
      The arguments are those of train or finetune, without --output. VALUES are a range (1e-5..1e-1, whole numbers where the \
      option takes no others) or a list (16,32,64, or divided by | where a value has a comma), perhaps followed by :log, :int \
      (whole numbers), :points=N (N values of a range) and :if OTHER=VALUE|VALUE, by which the setting applies only beside \
      these values of another one:

        --try learning-rate=1e-5..1e-1:log --try optimizer=adamw,momentum --try 'momentum=0.8..0.99:if optimizer=momentum'

      NAME is an option of train or finetune without its dashes, a flag with the values on and off, or set.NAME for --set.

      The study is one SQLite file. The same command goes on with it, in any number of processes and after any of them was \
      killed: no finished trial is lost, and none is counted twice. Images are read once where --freeze backbone allows it; \
      what the trials need meanwhile is in FILE.runs. The test part is not scored. Prints the trials, how much each setting \
      matters (PED-ANOVA), and the command that trains the best one. The first trial has the \
      defaults, where they are among the values that are searched, except in a grid.

      A few hundred held-out items cannot tell many trials apart: with --folds 5 among the arguments a trial is worth the \
      mean over all training items, each held out once, which costs five runs, and little where --freeze backbone lets \
      features be computed once. Equal trials are told apart by their loss.
      """)

  @Argument(
    parsing: .allUnrecognized, help: ArgumentHelp("train or finetune, and its arguments.", valueName: "argument"))
  var command: [String] = []
  @Option(
    name: .customLong("try"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A setting to search, and its values. Repeatable.", valueName: "name=values"))
  var tries: [String] = []
  @Option(
    help: ArgumentHelp(
      "grid (all combinations), random, tpe (tree-structured Parzen estimator), gp (Gaussian process with expected improvement) or asha (random values and asynchronous successive halving) (tpe).",
      valueName: "name"))
  var method: SearchMethod?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many trials the study has in the end (all of a grid; else give this or --time).", valueName: "n"))
  var trials: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Begin no trial after this time, such as 90s, 30m, 2h or 1h30m.", valueName: "time"))
  var time: String?
  @Option(
    help: ArgumentHelp(
      "The validation quantity that is searched for: of a trial, that of its best epoch (accuracy, or else loss).",
      valueName: "quantity"))
  var monitor: Monitor?
  @Option(help: ArgumentHelp("The file of the study.", valueName: "file")) var study: String
  @Option(
    help: ArgumentHelp(
      "Stop trials early: median (worse than the median of finished trials), asha (not in the best third at epochs 1, 3, 9, …) or none (none; asha with --method asha).",
      valueName: "name"))
  var prune: Pruning?
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Try these values first; others are chosen. Repeatable.", valueName: "name=value,..."))
  var start: [String] = []
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Processes that run trials beside each other (1).", valueName: "n"))
  var jobs: Int?
  @Option(
    parsing: .unconditional, help: ArgumentHelp("The seed of the search, and of every trial (0).", valueName: "n"))
  var seed: UInt64?
  @Option(help: ArgumentHelp("Draw each setting's effect: a .png or .svg file.", valueName: "file")) var output: String?
  @Flag(help: "Print the trials as one JSON object.") var json = false
  @Flag(help: .hidden) var worker = false
  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    try checkOption("--trials", trials, in: 1...1_000_000)
    try checkOption("--jobs", jobs, in: 1...256)
    _ = try seconds()
    if let output, Drawing.Format(path: output) == nil {
      throw ValidationError("--output \(output) is of no known kind; it must end with .png or .svg")
    }
    _ = try plan()
  }

  static func receiver(of arguments: [String]) -> (any ParsableCommand.Type)? {
    arguments.lazy.compactMap { word -> (any ParsableCommand.Type)? in
      word == "train" ? TrainCommand.self : word == "finetune" ? FinetuneCommand.self : nil
    }.first
  }

  private func seconds() throws -> Double? {
    guard let time else { return nil }
    guard let seconds = duration(time), seconds > 0 else {
      throw ValidationError("--time '\(time)' is not a time; give one such as 90s, 30m, 2h or 1h30m")
    }
    return seconds
  }

  /// What the options say, checked without reading any data.
  func plan() throws -> SearchPlan {
    let searched = try SearchedCommand(command, monitor: monitor, seed: seed, jobs: jobs ?? 1)
    var plan = SearchPlan(
      command: searched, space: try searched.space(tries), method: method ?? .tpe, study: study,
      seed: seed ?? 0, monitor: monitor)
    plan.pruning = prune ?? (plan.method == .asha ? .asha : .none)
    plan.starts = try searched.starts(start, in: plan.space)
    plan.settings = tries
    plan.seconds = try seconds()
    do throws(SearchFault) {
      plan.sampler = try plan.method.sampler(plan.space, seed: plan.seed)
    } catch {
      throw ValidationError("--try: \(error)")
    }
    let points = (plan.sampler as? GridSampler)?.points.count
    plan.limit = points.map { min($0, trials ?? $0) } ?? trials
    guard plan.limit != nil || time != nil else {
      throw ValidationError("--trials and --time are missing; give one of them")
    }
    return plan
  }

  func run() throws {
    let plan = try plan()
    let run = try SearchRun(plan)
    var isInterrupted = false
    if worker {
      isInterrupted = try run.runTrials()
    } else {
      try run.tellProgress()
      isInterrupted = try SearchWorkers(count: (jobs ?? 1) - 1).runBeside { try run.runTrials() }
    }
    if isInterrupted {
      if !worker { tell("interrupted; finished trials are kept in \(study). The same command goes on") }
      throw ExitCode(130)
    }
    if worker { return }
    try run.clear()
    let result = try SearchResult(run.plan, try run.study.trials(in: plan.space), monitor: run.settledMonitor())
    for line in result.lines { show(line) }
    if let output {
      guard let figure = result.figure else { throw SearchRunFault.nothingToDraw(path: study) }
      try figure.write(to: output, scale: 2)
      show("\(output): the effect of \(counted(plan.space.parameters.count, "setting"))")
    }
    if json { print(try result.json()) }
  }
}

extension SearchMethod: OptionWord {}
extension Pruning: OptionWord {}

/// The seconds of `90`, `90s`, `30m`, `2h` or `1h30m`; nil for anything else.
func duration(_ text: String) -> Double? {
  if let seconds = Double(text) { return seconds.isFinite ? seconds : nil }
  var (sum, number): (Double, String) = (0, "")
  var units: [Character: Double] = ["d": 86_400, "h": 3600, "m": 60, "s": 1]
  for character in text {
    if let unit = units.removeValue(forKey: character) {
      guard let count = Double(number), count >= 0, count.isFinite else { return nil }
      (sum, number) = (sum + count * unit, "")
    } else {
      number.append(character)
    }
  }
  return number.isEmpty && !text.isEmpty ? sum : nil
}
