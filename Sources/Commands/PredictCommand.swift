import ArgumentParser
import Aviary
import AviaryArchives

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Predict the classes of images, nodes and graphs, or the target of a table's rows.",
    discussion: """
      Images are JPEG, PNG or WebP files, folders of them, whose images are all predicted in the order of their names, and \
      IDX and CIFAR files, whose pictures are numbered from 0. An image that cannot be read is reported, the others are predicted, and the exit code \
      is 1. A checkpoint that was trained on a table takes tables (.csv, .tsv, .json, .jsonl) with the same columns; one that was trained on a \
      time series forecasts the next values of each file. What labels tokens also takes text files with a token a line, and \
      what writes texts writes one for each row. A network of another program that takes rows or sequences of \
      numbers is given the columns of a .csv file as they are. Of a graph every node is predicted, numbered from 0, and of a \
      collection every graph, numbered from 1 as in its files; neither needs to say classes. Of \
      a network that learned without labels (rbm), the answer for an image or a row is its free energy, the lower the \
      likelier, and the error of its reconstruction; of one that learned words, the topics of each text; and of one that \
      learned ratings, those that the file leaves empty, or, if it leaves none, the K items that each user would rate highest.

      A Keras model with several inputs, or with texts, takes a table whose columns are called as its inputs are, or in \
      their order, and files of texts; or each input is named: --input left=a.png --input right=folder, \
      --input photo=a.png --input facts=table.csv:age,height, --input review=reviews.csv:text. One example goes with all \
      those of the other inputs. Of a model with several outputs all are printed, by name.

      Several checkpoints answer together: those that are named before what is to be predicted (files of weights, runs, and \
      folders of folds or members, which stand for all of them), and those of --member.
      """)

  @Argument(help: "The checkpoint: a file, a run, or the name of shipped weights.") var checkpoint: String
  @Argument(
    help: ArgumentHelp(
      "For an ensemble further checkpoints, then the images, folders of images, tables, graphs, or files of texts, one a line.",
      valueName: "image"))
  var images: [String] = []
  @Option(help: ArgumentHelp("The same, for what train and evaluate call the data.", valueName: "data"))
  var data: String?
  @Option(
    name: .customLong("input"),
    help: ArgumentHelp(
      "What an input of a Keras model is given: an image, a folder, a table or columns of one, a .txt file of texts. Repeatable.",
      valueName: "name=file[:column,...]"))
  var inputs: [String] = []
  @Option(help: ArgumentHelp("Predict these nodes of a graph only, such as 0-9,15.", valueName: "n-m,..."))
  var nodes: ItemNumbers?
  @Option(help: ArgumentHelp("Predict these graphs of a collection only, such as 1-10,15.", valueName: "n-m,..."))
  var graphs: ItemNumbers?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Print the K most probable classes, topics or recommended items.", valueName: "k"))
  var top = 5
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Divide logits by T, as evaluate --report offers: probabilities change, their order does not.", valueName: "t"))
  var temperature: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Of a network that learned ratings, predict those of this user only (all).", valueName: "name"))
  var user: String?
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var file: PredictionOutputOptions
  @OptionGroup var columns: ColumnOptions
  @OptionGroup(title: "Ensembles") var ensemble: EnsembleArguments
  @OptionGroup var writing: WritingOptions
  @OptionGroup var computing: PrecisionArguments
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func validate() throws {
    let given = [!images.isEmpty, data != nil, !inputs.isEmpty].count { $0 }
    guard given == 1 || data != nil && inputs.isEmpty && images.allSatisfy({ EnsembleChoice.isCheckpoint($0) }) else {
      throw ValidationError(
        given == 0
          ? "give what to predict: images, tables, texts or a graph"
          : "give images, or --data, or what each input is given by --input, not several of them")
    }
    if !inputs.isEmpty, columns.target != nil || columns.exclude != nil {
      throw ValidationError("--input names its columns itself; leave out --target and --exclude")
    }
    for text in inputs where NamedInput(text) == nil { throw ValidationError("--input \(text): give NAME=FILE") }
    guard top > 0 else { throw ValidationError("--top \(top) is out of range; use at least 1") }
    if let temperature, !(temperature > 0 && temperature.isFinite) {
      throw ValidationError("--temperature \(temperature) is out of range; use a number above 0")
    }
    if nodes != nil, graphs != nil { throw ValidationError("--nodes is for a graph, --graphs for a collection") }
  }

  func run() throws {
    try file.check()
    computing.apply()
    if !inputs.isEmpty { return try predictNamed() }
    // Further checkpoints stand before what is to be predicted.
    let further = Array(images.prefix { EnsembleChoice.isCheckpoint($0) })
    let choice = try EnsembleChoice([checkpoint] + further, ensemble, weights)
    let images = try data.map { [try weights.dataPath($0)] } ?? Array(images.dropFirst(further.count))
    guard !images.isEmpty else { throw ValidationError("give what to predict: images, tables, texts or a graph") }
    if !choice.isSingle { return try tellingOnce { try predictTogether(images, choice) } }
    if images.allSatisfy({ (try? DataSource.kind(of: $0)) == .graphs }) { return try predictGraphs(images) }
    for (option, isGiven) in [("--nodes", nodes != nil), ("--graphs", graphs != nil)] where isGiven {
      throw CommandFault.unsuitedOption(option: option, kinds: [.graphs], path: images[0])
    }
    if images.allSatisfy({ TableFormat.isTable($0) || Self.isText($0) }) { return try predictTables(images) }
    try columns.requireNone(path: checkpoint)
    try writing.requireNone(path: checkpoint)
    if user != nil { throw CommandFault.noRatings(path: checkpoint) }
    let opened = try OpenedCheckpoint(checkpoint, source, weights: weights)
    if let predictor = try opened.unlabeledImages() {
      return try answer(images, hasClasses: false) { entries, progress in
        try predictor.predict(entries, workers: availableCores(), progress: progress).map { $0.map { Answer($0) } }
      }
    }
    let loaded: LoadedModel
    do {
      loaded = try LoadedModel(opened, source, needsHead: true, needsClasses: false)
    } catch CommandFault.noImages(let path, let kind) {
      // What is not called as a table is taken for an image, also where there is nothing.
      if let missing = images.first(where: { !FileSystem.exists($0) }) { throw TrainingFault.noData(path: missing) }
      throw kind == .tables
        ? CommandFault.noTable(path: images[0], checkpoint: path) : CommandFault.noImages(path: path, takes: kind)
    }
    let predictor = loaded.predictor
    if let fed = FedNetwork(predictor.model, predictor.metadata, predictor.preprocessing, path: loaded.path) {
      return try predictImages(images, fed, predictor.preprocessing)
    }
    try loaded.requireClasses()
    _ = predictor.metadata.announcedDecision(loaded.path)
    try answer(images) { entries, progress in
      try predictor.predict(entries, workers: availableCores(), progress: progress).map { found in
        found.map { Answer($0, top: top, temperature) }
      }
    }
  }

  /// Prints what a network makes of each image.
  ///
  /// - Parameters:
  ///   - also: further members of the JSON object.
  ///   - hasClasses: whether answers are probabilities of classes.
  func answer(
    _ images: [String], also: [JSONValue.Member] = [], hasClasses: Bool = true,
    by predict:
      @escaping (_ entries: [ImageEntry], _ progress: (Int) -> Void) throws -> [Result<Answer, PredictionFault>]
  ) throws {
    let found = images.map { path in Result { () throws(ImageFolderFault) in try ImageSelection(path) } }
    for (path, selection) in zip(images, found) {
      if case .success(let selection) = selection, let remark = selection.remark(on: path) { tell(remark) }
    }
    let entries = found.flatMap { (try? $0.get().entries) ?? [] }
    var answers = try showingProgress("predicting", of: entries.count) { try predict(entries, $0) }[...]
    // In the order of the arguments, those that cannot be read at their places.
    var findings: [Finding] = []
    for (path, selection) in zip(images, found) {
      switch selection {
      case .success(let selection):
        for entry in selection.entries {
          findings.append(
            Finding(image: entry.path, answer: answers.removeFirst().mapError { Unpredicted(reason: "\($0)") }))
        }
      case .failure(let fault):
        findings.append(Finding(image: path, answer: .failure(Unpredicted(reason: "\(fault)"))))
      }
    }
    try deliver(objects(findings), also: also, hasClasses: hasClasses, lines: lines(findings))
    let faults = findings.compactMap(\.fault)
    if let first = faults.first {
      if !json, faults.count > 1 { for fault in faults { tell("not predicted: \(fault)") } }
      throw CommandFault.unreadableImages(count: faults.count, of: findings.count, first: first)
    }
  }

  /// What a network makes of an image, as lines and as JSON.
  struct Answer {
    let lines: [String]
    let member: [JSONValue.Member]

    /// - Parameter classes: all of them, the predicted one first.
    init(_ classes: [ImagePredictor.Answer], top: Int, _ temperature: Double?) {
      let best = zip(classes.map(\.name), classes.map(\.probability).scaled(temperature)).prefix(top)
      lines = table(best.map { name, probability in ["", percent(Double(probability)), name] }, right: [1])
      let list = best.map { name, probability in
        JSONValue.members(["name": .text(name), "probability": .real(probability)])
      }
      member = [.init("classes", .array(list))]
    }

    /// Of a network that learned without labels.
    init(_ answer: UnlabeledImagePredictor.Answer) {
      lines = ["  \(answer.line)"]
      member = answer.members
    }
  }

  /// An image with its answer, or why it has none.
  private struct Finding {
    let image: String
    let answer: Result<Answer, Unpredicted>

    var fault: String? { if case .failure(let fault) = answer { fault.reason } else { nil } }
  }

  private struct Unpredicted: Error { let reason: String }

  /// Prints or writes what was predicted.
  ///
  /// - Parameters:
  ///   - predictions: an object for each item, as JSON has them.
  ///   - also: what else the JSON says.
  ///   - hasClasses: whether there are probabilities of classes, so that a temperature has been heeded.
  ///   - lines: the same for a person.
  func deliver(
    _ predictions: [JSONValue], also: [JSONValue.Member] = [], hasClasses: Bool = false,
    lines: @autoclosure () -> [String]
  ) throws {
    if temperature != nil, !hasClasses { throw CommandFault.noProbabilities(path: checkpoint) }
    try file.write(predictions)
    if json {
      printJSON(JSONValue.object([.init("predictions", .array(predictions))] + also))
    } else if let output = file.output {
      show("\(output): \(counted(predictions.count, "prediction"))")
    } else {
      for line in lines() { show(line) }
    }
  }

  private func objects(_ findings: [Finding]) -> [JSONValue] {
    findings.map { finding in
      let image = JSONValue.Member("image", .text(finding.image))
      return switch finding.answer {
      case .success(let answer): .object([image] + answer.member)
      case .failure(let fault): .object([image, .init("error", .text(fault.reason))])
      }
    }
  }

  private func lines(_ findings: [Finding]) -> [String] {
    findings.flatMap { finding in
      [finding.image] + ((try? finding.answer.get().lines) ?? ["  not predicted"])
    }
  }
}
