import AviaryCheckpoints
import AviaryDatasets

/// What a kind of data adds to the options of a run.
public enum DataOptions: Equatable, Sendable {
  /// Photographs.
  case images(ImageOptions)
  /// Each row of a table is an example.
  case table(TableSettings)
  /// The rows of a table are a time series.
  case series(SeriesSettings)
  /// Each row of a table holds a text.
  case textColumn(TextColumnSettings)
  /// A table is learned without labels.
  case unlabeled(UnlabeledOptions)
  /// Each token of the texts in a table, or in a file with a token a line, has a label.
  case tags(TaggingSettings)
  /// Each row of a table holds a text, and one to write for it.
  case translation(TranslationSettings)
  /// Each row of a table holds a text to write, and what it is written from.
  case generation(GenerationSettings)
  /// A language model of a text.
  case text(TextOptions)
  /// The nodes of a graph, or the graphs of a collection.
  case graph(GraphOptions)

  /// Whether such data are of a kind that was found.
  func suits(_ found: DataKind) -> Bool {
    if case .tags = self, found == .text { return true }
    return dataKind == found
  }

  /// What has to be at the path of the data.
  var dataKind: DataKind {
    switch self {
    case .images: .images
    case .table, .series, .textColumn, .unlabeled, .tags, .translation, .generation: .tables
    case .text: .text
    case .graph: .graphs
    }
  }

  /// Refuses numbers that no run can be made with.
  public func validate() throws {
    switch self {
    case .images(let options): try options.validate()
    case .table(let settings): try settings.validate()
    case .series(let settings): try settings.validate()
    case .textColumn(let settings): try settings.validate()
    case .unlabeled(let options): try options.validate()
    case .tags(let settings): try settings.validate()
    case .translation(let settings): try settings.validate()
    case .generation(let settings): try settings.validate()
    case .text(let options): try options.validate()
    case .graph(let options): try options.validate()
    }
  }
}

/// What a run on images is told.
public struct ImageOptions: Equatable, Sendable {
  /// The side of the images; nil for the checkpoint's, or else the architecture's.
  public var imageSize: Int?
  /// Random changes to training images; nil for none.
  public var augmentation: Augmentation?
  /// How images are normalised by themselves, for a network from scratch; nil where they are not.
  public var samplewise: Preprocessing.Samplewise?
  /// How much of each label's certainty is shared out among all classes.
  public var labelSmoothing = 0.0
  /// mixup's alpha; 0 for none.
  public var mixup = 0.0
  /// CutMix's alpha; 0 for none.
  public var cutMix = 0.0
  /// Whether images are evaluated on their centre, as torchvision does, instead of on the largest square; nil for what the
  /// checkpoint does, and for the centre from scratch.
  public var hasCropMargin: Bool?
  /// Whether the features of a frozen backbone are computed once, where images do not change from epoch to epoch.
  public var usesFeatureCache = true
  /// The most images of each class; nil for all.
  public var limit: Int?
  /// Names for the classes of packed files, in the order of their numbers; nil for the data's own.
  public var classes: [String]?
  /// The largest share of the images of a part that may be unreadable; an epoch with more of them fails.
  public var mostSkipped = 0.1

  /// The defaults.
  public init() {}

  func validate() throws {
    if let imageSize {
      try TrainingFault.check("image size", imageSize, (1...ImageSize.maximumSide).contains(imageSize), "1 to 8192")
    }
    if let augmentation { _ = try augmentation.validated() }
    try TrainingFault.check(
      "label smoothing", labelSmoothing, labelSmoothing >= 0 && labelSmoothing < 1, "at least 0 and below 1")
    for (name, alpha) in [("mixup's alpha", mixup), ("CutMix's alpha", cutMix)] {
      try TrainingFault.check(name, alpha, alpha >= 0 && alpha <= 100, "0 to 100")
    }
    try TrainingFault.check("mixup beside CutMix", mixup, mixup == 0 || cutMix == 0, "0 where the other is not")
    try TrainingFault.check(
      "share of skipped images", mostSkipped, mostSkipped >= 0 && mostSkipped <= 1, "from 0 to 1")
    if let limit { try TrainingFault.check("limit", limit, limit >= 1, "at least 1") }
  }
}

/// What a run on a text is told.
public struct TextOptions: Equatable, Sendable {
  /// The number of characters in each row of a batch.
  public var sequenceLength: Int

  /// Texts that are learned in pieces of this length.
  public init(sequenceLength: Int = 128) { self.sequenceLength = sequenceLength }

  func validate() throws {
    try TrainingFault.check("sequence length", sequenceLength, (1...65_536).contains(sequenceLength), "1 to 65536")
  }
}

/// What a run on graphs is told.
public struct GraphOptions: Codable, Equatable, Sendable {
  /// What the features of nodes in a collection of graphs are made of; nil for the files' attributes and labels, or else for
  /// the nodes' degrees.
  public var nodeFeatures: [NodeEncoding.Part]?

  /// The defaults.
  public init() {}

  func validate() throws {
    guard let nodeFeatures else { return }
    try TrainingFault.check(
      "node features", nodeFeatures.map(\.rawValue).joined(separator: ","),
      !nodeFeatures.isEmpty && Set(nodeFeatures).count == nodeFeatures.count,
      NodeEncoding.Part.allCases.map(\.rawValue).joined(separator: ", ") + ", each once")
  }
}

extension ImageOptions: Codable {
  private enum CodingKeys: String, CodingKey {
    case imageSize, augmentation, samplewise, labelSmoothing, mixup, cutMix, usesFeatureCache, limit, classes,
      mostSkipped
    case hasCropMargin = "cropMargin"
  }

  /// Versions up to 0.1 wrote true where nothing was asked for.
  private enum FormerKeys: String, CodingKey { case hasCropMargin }

  /// What was written before a setting existed has its default.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let former = try decoder.container(keyedBy: FormerKeys.self)
    imageSize = try container.decodeIfPresent(Int.self, forKey: .imageSize)
    augmentation = try container.decodeIfPresent(Augmentation.self, forKey: .augmentation)
    samplewise = try container.decodeIfPresent(Preprocessing.Samplewise.self, forKey: .samplewise)
    labelSmoothing = try container.decodeIfPresent(Double.self, forKey: .labelSmoothing) ?? labelSmoothing
    mixup = try container.decodeIfPresent(Double.self, forKey: .mixup) ?? mixup
    cutMix = try container.decodeIfPresent(Double.self, forKey: .cutMix) ?? cutMix
    hasCropMargin =
      try container.decodeIfPresent(Bool.self, forKey: .hasCropMargin)
      ?? (former.decodeIfPresent(Bool.self, forKey: .hasCropMargin) == false ? false : nil)
    usesFeatureCache = try container.decodeIfPresent(Bool.self, forKey: .usesFeatureCache) ?? usesFeatureCache
    limit = try container.decodeIfPresent(Int.self, forKey: .limit)
    classes = try container.decodeIfPresent([String].self, forKey: .classes)
    mostSkipped = try container.decodeIfPresent(Double.self, forKey: .mostSkipped) ?? mostSkipped
  }
}

extension TextOptions: Codable {}
