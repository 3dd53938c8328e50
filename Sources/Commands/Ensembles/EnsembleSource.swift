import Aviary

/// An item of labelled data with what each network of an ensemble says of it.
enum ScoredItem {
  case classes(label: Int, answers: [MemberAnswer])
  /// The true numbers, and those of each network.
  case numbers(targets: [Double], estimates: [[Double]])
}

/// Networks that answer together, ready for one kind of data.
struct EnsembleSource {
  enum Content {
    case images(ImageEnsemble)
    case other([DataMember])
  }

  let content: Content
  let kind: DataKind
  /// The checkpoints' files.
  let paths: [String]
  /// The classes in the order of the first network; empty of numbers.
  let classes: [String]
  /// Which class each network predicts, with the classes in that order.
  let decisions: [ClassDecision]
  /// For members of another kind than images, for each class its place among the outputs.
  private let orders: [[Int]]
  private let metadata: [Checkpoint.Metadata]
  private let reading: ReadingArguments

  /// - Parameters:
  ///   - data: the path of the data, which say what kind they are of.
  ///   - columns, reading: nil for the options' defaults.
  ///   - allowances: tensors that may be missing.
  ///   - needsTarget: whether the data have to hold what is predicted.
  init(
    _ opened: [OpenedCheckpoint], on data: String, _ kind: DataKind, part: EvaluationPart? = nil,
    columns: ColumnOptions? = nil, reading: ReadingArguments? = nil, allowing allowances: Set<Allowance> = [],
    views: TestTimeAugmentation = .single, needsTarget: Bool = true
  ) throws {
    let columns = try columns ?? .parse([])
    self.reading = try reading ?? .parse([])
    self.kind = kind
    paths = opened.map(\.path)
    metadata = opened.map(\.checkpoint.metadata)
    let alignment: ClassAlignment?
    if kind == .images {
      try columns.requireNone(path: paths[0])
      for member in opened where try member.unlabeledImages() != nil {
        throw CommandFault.noEnsemble(path: member.path)
      }
      var ensemble = try ImageEnsemble(
        opened.map { ($0.path, try LoadedModel($0, allowing: allowances, needsHead: true).predictor) })
      ensemble.views = views
      (content, orders) = (.images(ensemble), [])
      alignment = ensemble.alignment
    } else {
      if views != .single { throw CommandFault.unsuitedOption(option: "--tta", kinds: [.images], path: data) }
      let members = try opened.map {
        try DataEvaluation($0, allowing: allowances, part: part).member(
          on: data, kind, columns, needsTarget: needsTarget)
      }
      alignment = try Self.alignment(members, paths)
      content = .other(members)
      orders = alignment?.orders ?? []
    }
    classes = alignment?.classes ?? []
    let orders = alignment?.orders ?? opened.map { _ in [] }
    decisions = zip(opened, orders).map { $0.checkpoint.metadata.decision.reordered($1) }
    for remark in alignment?.remarks(paths) ?? [] { tell(remark) }
  }

  /// The classes brought into one order; nil of numbers.
  private static func alignment(_ members: [DataMember], _ paths: [String]) throws -> ClassAlignment? {
    let first = members[0]
    for (member, path) in zip(members, paths)
    where member.target != first.target || (member.classes == nil) != (first.classes == nil) {
      func described(_ member: DataMember) -> String {
        member.target + (member.classes == nil ? ", a number" : ", one of several classes")
      }
      throw EnsembleFault.otherTarget(
        path: path, found: described(member), first: paths[0], expected: described(first))
    }
    guard first.classes != nil else { return nil }
    return try ClassAlignment(zip(members, paths).map { (path: $1, classes: $0.classes ?? [], isNamed: true) })
  }

  // MARK: Labelled items

  /// What was gone through.
  struct Scan {
    /// The word for an item.
    let noun: String
    /// Nil where the data have no parts.
    let part: String?
    /// Images that could not be used.
    var skipped: [(path: String, reason: String)] = []
    /// Rows of a table that the first network lacks a value of; nil of other data.
    var lacking: [LackingRow]?
  }

  /// Calls `visit` with every labelled item of a part for which all networks have an answer.
  func scan(_ data: String, _ part: EvaluationPart?, _ visit: (ScoredItem) throws -> Void) throws -> Scan {
    switch content {
    case .images(let ensemble): try scan(ensemble, data, part, visit)
    case .other(let members): try scan(members, data, visit)
    }
  }

  private func scan(
    _ ensemble: ImageEnsemble, _ data: String, _ part: EvaluationPart?, _ visit: (ScoredItem) throws -> Void
  ) throws -> Scan {
    let first = ensemble.members[0]
    let part = try DataPart.forEvaluation(
      data, classes: first.namesClasses ? classes : nil, limit: reading.limit, part, of: metadata[0], paths[0])
    guard part.folder.classes.count == classes.count else {
      throw CommandFault.classCount(source: data, found: part.folder.classes.count, expected: classes.count)
    }
    part.announce(data)
    tellOtherDivisions(of: part.name)
    let entries = part.folder.entries
    var count = 0
    let skipped = try showingProgress("evaluating", of: entries.count) { progress in
      try ensemble.forEachImage(entries, workers: reading.workers ?? availableCores(), progress: progress) {
        count += 1
        try visit(.classes(label: entries[$0].label, answers: $1))
      }
    }
    guard count > 0 else {
      throw CommandFault.nothingDecoded(path: data, first: skipped.first.map { "\($0.fault)" } ?? "the folder is empty")
    }
    for image in skipped {
      // Weights that are not finite are no matter of an image.
      if case .notFinite = image.fault { throw image.fault }
      tell("skipped: \(image.fault)")
    }
    let tally = ReadingTally(part.name, part.folder, mostSkipped: reading.maxSkipped?.value ?? 1)
    tally.add(entries, skipped: skipped)
    try tally.check()
    return Scan(
      noun: "image", part: part.name, skipped: skipped.map { (entries[$0.index].path, "\($0.fault)") })
  }

  private func scan(
    _ members: [DataMember], _ data: String, _ visit: (ScoredItem) throws -> Void
  ) throws -> Scan {
    let labelled = try members[0].labelled(data)
    tellOtherDivisions(of: labelled.part.word)
    let answered = try members.map { try $0.answers(data, labelled.items) }
    for remark in answered.flatMap(\.remarks) { tell("\(data): \(remark)") }
    var lost = 0
    for (place, item) in labelled.items.enumerated() {
      let found = answered.compactMap { $0.outputs[item] }
      guard found.count == members.count else {
        lost += 1
        continue
      }
      for (output, member) in zip(found, members) where !output.isFinite {
        throw PredictionFault.notFinite(of: data, member.evaluation.model)
      }
      if labelled.targets.isEmpty {
        try visit(.classes(label: Int(labelled.labels[place]), answers: answers(found)))
      } else {
        try visit(.numbers(targets: labelled.targets[place], estimates: found.compactMap { $0.numbers?.values }))
      }
    }
    if lost > 0 {
      tell("\(data): \(counted(lost, members[0].noun)) left out: not every network has an answer there")
    }
    guard lost < labelled.items.count else { throw TableFault.noRowsLeft(path: data, rows: labelled.items.count) }
    return Scan(
      noun: members[0].noun, part: labelled.part.word, lacking: kind == .tables ? labelled.lacking : nil)
  }

  /// The networks' answers with the classes in one order.
  func answers(_ outputs: [MemberOutput]) -> [MemberAnswer] {
    zip(outputs, orders).compactMap { output, order in
      if case .classes(let answer) = output { answer.reordered(order) } else { nil }
    }
  }

  /// A line where networks held out other items of their training than the first one: they may know those that are evaluated.
  private func tellOtherDivisions(of part: String?) {
    func held(_ metadata: Checkpoint.Metadata) -> SplitPlan? {
      var plan = metadata.split?.plan
      plan?.sample = nil
      return plan
    }
    // Nobody learns from test items that are not a share of the training data.
    let haveOwnTest = metadata.compactMap(held).allSatisfy { $0.test == 0 && $0.fold == nil }
    if part?.lowercased() == EvaluationPart.test.rawValue, haveOwnTest { return }
    if let part = part.flatMap({ EvaluationPart(rawValue: $0.lowercased()) }) {
      // The first one's own part is said already.
      for (path, metadata) in zip(paths, metadata).dropFirst()
      where metadata.split?.wasLearnedBefore(part) ?? false {
        tell("\(path): some of these \(EvaluationPart.mayHaveTrained)")
      }
    }
    guard let first = held(metadata[0]) else { return }
    let others = zip(paths, metadata).filter { held($1).map { $0 != first } ?? false }.map(\.0)
    if let path = others.first {
      tell(
        "\(path)" + (others.count > 1 ? " and \(others.count - 1) more" : "")
          + ": held out other items of its training than \(paths[0]), so that it may have been trained on some of these"
      )
    }
  }
}

extension MemberOutput {
  var numbers: OutputNumbers? { if case .numbers(let numbers) = self { numbers } else { nil } }
}
