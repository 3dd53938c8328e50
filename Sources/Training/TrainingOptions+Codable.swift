import AviaryCheckpoints
import AviaryDatasets
import AviaryTensors

// Options as `options.json` holds them: the common ones, and those of the kind of data under its name. Version 0.1 wrote
// the options of all kinds side by side; such files are still read.

extension TrainingOptions: Codable {
  private enum CodingKeys: String, CodingKey {
    case data, architecture, configuration, checkpoint, reading, epochs, batchSize, optimizer, schedule, groups,
      layerwiseDecay
    case loss, classes, unfreezing, saveEvery, replacesHead
    case clipping, monitor, minimumDelta, earlyStopping, weightAverageDecay, statisticsBatches, freeze, trainOnly,
      validation, seed, workers,
      threads, command, parts, members, learning, processes, precision, watching
    // The kinds of data.
    case images, table, series, characters, unlabeled, tags, translation, generation, text, graph
  }

  /// The keys of a text in version 0.1.
  private enum FlatKeys: String, CodingKey { case sequenceLength }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      data: try container.decodeIfPresent(String.self, forKey: .data) ?? "",
      architecture: try container.decodeIfPresent(String.self, forKey: .architecture),
      checkpoint: try container.decodeIfPresent(String.self, forKey: .checkpoint),
      epochs: try container.decode(Int.self, forKey: .epochs),
      optimizer: try container.decode(OptimizerConfiguration.self, forKey: .optimizer),
      schedule: try container.decode(Schedule.self, forKey: .schedule),
      workers: try container.decode(Int.self, forKey: .workers),
      threads: try container.decode(Int.self, forKey: .threads))
    configuration = try container.decodeIfPresent([ConfigurationChange].self, forKey: .configuration) ?? []
    reading = try container.decodeIfPresent(SourceReading.self, forKey: .reading) ?? SourceReading()
    replacesHead = try container.decodeIfPresent(Bool.self, forKey: .replacesHead) ?? false
    batchSize = try container.decode(Int.self, forKey: .batchSize)
    groups = try container.decodeIfPresent([ParameterGroup].self, forKey: .groups) ?? []
    layerwiseDecay = try container.decodeIfPresent(Double.self, forKey: .layerwiseDecay)
    clipping = try container.decodeIfPresent(GradientClipping.self, forKey: .clipping)
    loss = try container.decodeIfPresent(TrainingLoss.self, forKey: .loss)
    classes = try container.decodeIfPresent(ClassOptions.self, forKey: .classes) ?? ClassOptions()
    monitor = try container.decodeIfPresent(Monitor.self, forKey: .monitor)
    minimumDelta = try container.decodeIfPresent(Double.self, forKey: .minimumDelta) ?? 0
    earlyStopping = try container.decodeIfPresent(EarlyStopping.self, forKey: .earlyStopping)
    weightAverageDecay = try container.decodeIfPresent(Double.self, forKey: .weightAverageDecay)
    statisticsBatches = try container.decodeIfPresent(Int.self, forKey: .statisticsBatches)
    freeze = try container.decodeIfPresent([String].self, forKey: .freeze) ?? []
    trainOnly = try container.decodeIfPresent([String].self, forKey: .trainOnly) ?? []
    unfreezing = try container.decodeIfPresent([Unfreezing].self, forKey: .unfreezing) ?? []
    saveEvery = try container.decodeIfPresent(Int.self, forKey: .saveEvery)
    validation = try container.decodeIfPresent(Validation.self, forKey: .validation)
    parts = try container.decodeIfPresent(PartOptions.self, forKey: .parts) ?? PartOptions()
    members = try container.decodeIfPresent(MemberOptions.self, forKey: .members)
    processes = try container.decodeIfPresent(ProcessOptions.self, forKey: .processes)
    seed = try container.decode(UInt64.self, forKey: .seed)
    precision = try container.decodeIfPresent(Precision.self, forKey: .precision) ?? .float32
    watching = try container.decodeIfPresent(WatchingOptions.self, forKey: .watching) ?? WatchingOptions()
    command = try container.decodeIfPresent(String.self, forKey: .command)
    learning = try container.decodeIfPresent(LearningSettings.self, forKey: .learning) ?? LearningSettings()
    kind = try Self.kind(container) ?? Self.kindOfVersion01(decoder, data: data)
  }

  private static func kind(_ container: KeyedDecodingContainer<CodingKeys>) throws -> DataOptions? {
    if let images = try container.decodeIfPresent(ImageOptions.self, forKey: .images) { return .images(images) }
    if let table = try container.decodeIfPresent(TableSettings.self, forKey: .table) { return .table(table) }
    if let series = try container.decodeIfPresent(SeriesSettings.self, forKey: .series) { return .series(series) }
    if let texts = try container.decodeIfPresent(TextColumnSettings.self, forKey: .characters) {
      return .textColumn(texts)
    }
    if let unlabeled = try container.decodeIfPresent(UnlabeledOptions.self, forKey: .unlabeled) {
      return .unlabeled(unlabeled)
    }
    if let tags = try container.decodeIfPresent(TaggingSettings.self, forKey: .tags) { return .tags(tags) }
    if let pairs = try container.decodeIfPresent(TranslationSettings.self, forKey: .translation) {
      return .translation(pairs)
    }
    if let texts = try container.decodeIfPresent(GenerationSettings.self, forKey: .generation) {
      return .generation(texts)
    }
    if let text = try container.decodeIfPresent(TextOptions.self, forKey: .text) { return .text(text) }
    return try container.decodeIfPresent(GraphOptions.self, forKey: .graph).map { .graph($0) }
  }

  /// A file of version 0.1 does not say what its data are, except tables; it has the options of images and of texts in any
  /// case. nil where it is not such a file.
  private static func kindOfVersion01(_ decoder: any Decoder, data: String) throws -> DataOptions? {
    let flat = try decoder.container(keyedBy: FlatKeys.self)
    guard let length = try flat.decodeIfPresent(Int.self, forKey: .sequenceLength) else { return nil }
    switch try? DataSource.kind(of: data) {
    case .images?: return .images(try ImageOptions(from: decoder))
    case .text?: return .text(TextOptions(sequenceLength: length))
    case .graphs?: return .graph(GraphOptions())
    case .tables?, nil: return nil
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(data, forKey: .data)
    try container.encodeIfPresent(architecture, forKey: .architecture)
    try container.encode(configuration, forKey: .configuration)
    try container.encodeIfPresent(checkpoint, forKey: .checkpoint)
    if reading != SourceReading() { try container.encode(reading, forKey: .reading) }
    if replacesHead { try container.encode(replacesHead, forKey: .replacesHead) }
    try container.encode(epochs, forKey: .epochs)
    try container.encode(batchSize, forKey: .batchSize)
    try container.encode(optimizer, forKey: .optimizer)
    try container.encode(schedule, forKey: .schedule)
    try container.encode(groups, forKey: .groups)
    try container.encodeIfPresent(layerwiseDecay, forKey: .layerwiseDecay)
    try container.encodeIfPresent(clipping, forKey: .clipping)
    try container.encodeIfPresent(loss, forKey: .loss)
    if classes != ClassOptions() { try container.encode(classes, forKey: .classes) }
    try container.encodeIfPresent(monitor, forKey: .monitor)
    if minimumDelta != 0 { try container.encode(minimumDelta, forKey: .minimumDelta) }
    try container.encodeIfPresent(earlyStopping, forKey: .earlyStopping)
    try container.encodeIfPresent(weightAverageDecay, forKey: .weightAverageDecay)
    try container.encodeIfPresent(statisticsBatches, forKey: .statisticsBatches)
    try container.encode(freeze, forKey: .freeze)
    if !trainOnly.isEmpty { try container.encode(trainOnly, forKey: .trainOnly) }
    if !unfreezing.isEmpty { try container.encode(unfreezing, forKey: .unfreezing) }
    try container.encodeIfPresent(saveEvery, forKey: .saveEvery)
    try container.encodeIfPresent(validation, forKey: .validation)
    if parts != PartOptions() { try container.encode(parts, forKey: .parts) }
    try container.encodeIfPresent(members, forKey: .members)
    try container.encodeIfPresent(processes, forKey: .processes)
    try container.encode(seed, forKey: .seed)
    try container.encode(workers, forKey: .workers)
    try container.encode(threads, forKey: .threads)
    if precision != .float32 { try container.encode(precision, forKey: .precision) }
    if watching != WatchingOptions() { try container.encode(watching, forKey: .watching) }
    try container.encodeIfPresent(command, forKey: .command)
    if learning != LearningSettings() { try container.encode(learning, forKey: .learning) }
    switch kind {
    case .images(let options)?: try container.encode(options, forKey: .images)
    case .table(let settings)?: try container.encode(settings, forKey: .table)
    case .series(let settings)?: try container.encode(settings, forKey: .series)
    case .textColumn(let settings)?: try container.encode(settings, forKey: .characters)
    case .unlabeled(let options)?: try container.encode(options, forKey: .unlabeled)
    case .tags(let settings)?: try container.encode(settings, forKey: .tags)
    case .translation(let settings)?: try container.encode(settings, forKey: .translation)
    case .generation(let settings)?: try container.encode(settings, forKey: .generation)
    case .text(let options)?: try container.encode(options, forKey: .text)
    case .graph(let options)?: try container.encode(options, forKey: .graph)
    case nil: break
    }
  }
}
