import ArgumentParser
import Aviary
import AviaryDiagnostics

/// The roles of a table's columns, and how they are prepared.
struct TableArguments: ParsableArguments {
  @Option(help: ArgumentHelp("The column of a table to predict.", valueName: "column"))
  var target: String?
  @Option(
    help: ArgumentHelp(
      "The task (classification for words and for 0 and 1, regression for other numbers).", valueName: "name"))
  var task: TableSettings.Task?
  @Option(help: ArgumentHelp("Columns to ignore.", valueName: "column,...")) var exclude: String?
  @Option(help: ArgumentHelp("How missing values are handled (mean).", valueName: "name")) var missing:
    TableSettings.Missing?
  @Option(
    help: ArgumentHelp(
      "Clip outliers: deviations=K around the mean, or iqr=K beyond the quartiles; or drop training rows that have any: drop-deviations=K, drop-iqr=K (none).",
      valueName: "bounds"))
  var outliers: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Add polynomial features of the numeric columns up to this degree (1).", valueName: "n"))
  var degree: Int?
  @Flag(help: "Polynomial features without powers: products of different columns only.") var interactionsOnly = false
  @Option(help: ArgumentHelp("The scaling of numeric columns (standard).", valueName: "name")) var scaling:
    TableSettings.Scaling?
  @Flag(
    inversion: .prefixedNo,
    help: "Standardize the target of a regression for training (on). Results are in its own units.")
  var standardizeTarget: Bool?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Treat the rows as a time series: predict the target from the N rows before it.", valueName: "n"))
  var window: Int?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Predict the target of the next N rows at once (1).", valueName: "n"))
  var horizon: Int?
  @Option(
    help: ArgumentHelp(
      "Predict the target from the text in this column; for rbm, count its words.", valueName: "column"))
  var text: String?
  @Option(help: ArgumentHelp("What texts are divided into (character).", valueName: "unit"))
  var tokenizer: TextUnit?
  @Option(
    help: ArgumentHelp(
      "For rbm, learn ratings: the columns of users, items and ratings, or, of a table with a row per user and a column per item, the column of users alone.",
      valueName: "user,item,rating"))
  var ratings: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "For rbm with --text, the number of words that are counted, the most frequent ones (2000).", valueName: "n"))
  var vocabulary: Int?

  @OptionGroup var preparing: TablePreparationArguments
  @OptionGroup var changing: TextAugmentationArguments

  func validate() throws {
    try checkOption("--vocabulary", vocabulary, in: 2...WordSettings.limit)
    try checkOption("--degree", degree, in: 1...8)
    try checkOption("--window", window, in: 1...100_000)
    try checkOption("--horizon", horizon, in: 1...100_000)
    if interactionsOnly, (degree ?? 1) < 2 { throw ValidationError("--interactions-only needs --degree 2 or more") }
    if let standardizeTarget, task == .classification {
      throw ValidationError(
        "--\(standardizeTarget ? "" : "no-")standardize-target is for a target of numbers, not for --task classification"
      )
    }
  }

  /// Sets what is learned from a table, if a target is named.
  ///
  /// - Parameters:
  ///   - sequenceLength: how many tokens of a text are read; nil for the default.
  ///   - form: what the network puts out.
  func apply(to options: inout TrainingOptions, sequenceLength: Int?, form: OutputForm) throws {
    try checkTogether(form)
    if form == .tags {
      var settings = TaggingSettings()
      settings.target = target ?? settings.target
      settings.column = text ?? settings.column
      settings.longest = sequenceLength ?? settings.longest
      try settings.validate()
      options.kind = .tags(settings)
      options.clipping = GradientClipping(norm: 5)
      return
    }
    guard let target else { return }
    if form == .translation {
      guard let text else { throw ValidationError("--text is missing; name the column of the texts to read") }
      var settings = TranslationSettings(target: target, column: text)
      settings.longest = sequenceLength ?? settings.longest
      settings.tokenizer = tokenizer
      try settings.validate()
      options.kind = .translation(settings)
    } else if form == .generation {
      var settings = GenerationSettings(target: target)
      settings.table = try self.settings(target)
      settings.longest = sequenceLength ?? settings.longest
      settings.tokenizer = tokenizer
      try settings.validate()
      options.kind = .generation(settings)
    } else if let window {
      var settings = SeriesSettings(target: target, window: window)
      settings.horizon = horizon
      settings.steps = horizon.flatMap { $0 > 1 ? $0 : nil }
      settings.excluded = excluded
      settings.scaling = scaling ?? .standard
      try settings.validate()
      options.kind = .series(settings)
    } else if let text {
      var settings = TextColumnSettings(target: target, column: text)
      settings.longest = sequenceLength ?? settings.longest
      settings.tokenizer = tokenizer
      settings.augmentation = try changing.augmentation
      try settings.validate()
      options.kind = .textColumn(settings)
    } else {
      options.kind = .table(try settings(target))
    }
    // The gradients of recurrent networks may explode.
    if window != nil || text != nil || form != .answer { options.clipping = GradientClipping(norm: 5) }
  }

  /// Refuses to prepare columns in another way than a checkpoint's network knows, also where the other way is the usual one;
  /// says where the scale of the target is the checkpoint's.
  func check(keeping known: TablePreprocessing, of path: String) throws {
    try checkKept(of: path)
    guard let standardizeTarget, let target, known.target.task == .regression, known.target.name.isExactly(target),
      known.settings.standardisesTarget != standardizeTarget
    else { return }
    tell(
      "--\(standardizeTarget ? "" : "no-")standardize-target changes nothing: \(path) predicts \(target) already, and the target's scale is kept"
    )
  }

  /// The same for a time series, whose target is one of its columns.
  func checkKept(of path: String) throws {
    let heeded = ["--target", "--task", "--standardize-target", "--window", "--horizon", "--text"]
    guard givenOptions.contains(where: { !heeded.contains($0) }) else { return }
    throw TrainingFault.keptPreparation(path: path)
  }

  /// What a network that learns without labels learns.
  ///
  /// - Parameter counts: whether the columns are words, and the fields how often they occur.
  func unlabeled(counts: Bool) throws -> UnlabeledOptions {
    let heeded =
      ratings != nil ? ["--ratings"] : text != nil ? ["--text", "--vocabulary"] : ["--exclude"]
    let lost = givenOptions.filter { !heeded.contains($0) }
    guard lost.isEmpty else {
      throw ValidationError(
        "a network that learns without labels takes --ratings, --text with --vocabulary, or --exclude; leave out "
          + lost.joined(separator: ", "))
    }
    if let ratings {
      let columns = ratings.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
      guard columns.count == 1 || columns.count == 3, !columns.contains(""), Set(columns).count == columns.count else {
        throw ValidationError(
          "--ratings \(ratings) is not possible; give three columns, USER,ITEM,RATING, or USER alone")
      }
      let settings =
        columns.count == 1
        ? RatingSettings(wideTableOf: columns[0])
        : RatingSettings(user: columns[0], item: columns[1], rating: columns[2])
      return .ratings(settings)
    }
    if counts || text != nil {
      return .words(WordSettings(column: text, excluded: excluded, vocabulary: vocabulary ?? 2000))
    }
    return .columns(ColumnUnitSettings(excluded: excluded))
  }

  /// Refuses options that cannot be combined.
  private func checkTogether(_ form: OutputForm) throws {
    if ratings != nil || vocabulary != nil {
      throw ValidationError(
        "--\(ratings != nil ? "ratings" : "vocabulary") is for networks that learn without labels, such as rbm")
    }
    if horizon != nil, window == nil { throw ValidationError("--horizon needs --window") }
    if let heeded = form.options {
      let lost = givenOptions.filter { !heeded.contains($0) }
      if !lost.isEmpty { throw ValidationError("for this network, leave out \(lost.joined(separator: ", "))") }
      return
    }
    if tokenizer != nil, text == nil { throw ValidationError("--tokenizer needs --text") }
    if let option = changing.givenOptions.first, text == nil { throw ValidationError("\(option) needs --text") }
    let heeded: [(option: String, others: [String])] = [
      ("--window", ["--target", "--window", "--horizon", "--exclude", "--scaling"]),
      ("--text", ["--target", "--text", "--tokenizer", "--text-augment", "--synonyms"]),
    ]
    let given = givenOptions
    for (option, others) in heeded where given.contains(option) {
      let lost = given.filter { !others.contains($0) }
      if !lost.isEmpty { throw ValidationError("with \(option), leave out \(lost.joined(separator: ", "))") }
    }
  }

  private var excluded: [String] { exclude.map { $0.split(separator: ",").map { trimmed($0) } } ?? [] }

  private func settings(_ target: String) throws -> TableSettings {
    var settings = TableSettings(target: target)
    settings.task = task
    settings.excluded = excluded
    settings.missing = missing ?? .mean
    settings.outliers = try bounds()
    settings.polynomialDegree = degree ?? 1
    settings.interactionsOnly = interactionsOnly
    settings.scaling = scaling ?? .standard
    settings.standardisesTarget = standardizeTarget ?? true
    try preparing.apply(to: &settings)
    try settings.validate()
    return settings
  }

  private func bounds() throws -> TableSettings.Outliers {
    guard let outliers, outliers != "none" else { return .keep }
    let parts = outliers.split(separator: "=", maxSplits: 1)
    if parts.count == 2, let factor = Double(parts[1]) {
      if parts[0] == "deviations" { return .deviations(factor) }
      if parts[0] == "iqr" { return .interquartile(factor) }
      if parts[0] == "drop-deviations" { return .dropDeviations(factor) }
      if parts[0] == "drop-iqr" { return .dropInterquartile(factor) }
    }
    throw ValidationError(
      "invalid --outliers \(outliers); give deviations=K, iqr=K, drop-deviations=K or drop-iqr=K with a number K")
  }
}
