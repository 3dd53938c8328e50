import AviaryCheckpoints
import AviaryDatasets

/// A kind of data, and how it becomes a network's input, as checkpoints keep it.
///
/// That of images is their `Preprocessing` itself; the others are in an object under the name of their kind.
public enum InputPreparation: Sendable, Equatable {
  /// Photographs.
  case images(Preprocessing)
  /// Rows of a table.
  case table(TablePreprocessing)
  /// The rows of a table are a time series.
  case series(SeriesPreprocessing)
  /// The texts in a column of a table are read by their characters or words.
  case textColumn(TextColumnPreprocessing)
  /// A table is learned without labels.
  case unlabeled(UnlabeledPreparation)
  /// Each token of the texts in a table, or in a file with a token a line, has a label.
  case tags(TaggingPreprocessing)
  /// Texts are written for the texts in a column of a table.
  case translation(TranslationPreprocessing)
  /// Texts are written for the rows of a table.
  case generation(GenerationPreprocessing)
  /// Nodes of a graph.
  case graph(GraphPreparation)
  /// Whole graphs are classified.
  case graphs(NodeEncoding)
  /// Characters become their numbers in the vocabulary, which is the list of classes.
  case text

  /// How the features of a graph's nodes were prepared.
  public struct GraphPreparation: Codable, Sendable, Equatable {
    /// Whether each node's features are divided by their sum.
    public var normalizesFeatures: Bool
    /// The seed of the split, for a graph without a split of its own; nil where it is not known.
    public var splitSeed: UInt64?

    /// How a graph is prepared and divided.
    public init(normalizesFeatures: Bool, splitSeed: UInt64? = nil) {
      self.normalizesFeatures = normalizesFeatures
      self.splitSeed = splitSeed
    }
  }

  private struct Wrapped: Codable {
    var table: TablePreprocessing?
    var series: SeriesPreprocessing?
    var characters: TextColumnPreprocessing?
    var unlabeled: UnlabeledPreparation?
    var tags: TaggingPreprocessing?
    var translation: TranslationPreprocessing?
    var generation: GenerationPreprocessing?
    var graph: GraphPreparation?
    var graphs: NodeEncoding?
    var text: Unit?
  }

  private struct Unit: Codable {
    var unit = "character"
  }

  /// The kind of the data.
  public var kind: DataKind {
    switch self {
    case .images: .images
    case .table, .series, .textColumn, .unlabeled, .tags, .translation, .generation: .tables
    case .graph, .graphs: .graphs
    case .text: .text
    }
  }

  /// How what the network learns was made of the target's numbers; nil where it estimates none.
  public var targetScale: TargetScale? {
    switch self {
    case .table(let preprocessing): preprocessing.targetScale
    case .series(let preprocessing): preprocessing.targetScale
    default: nil
    }
  }

  /// What the network knows, in words, and the options that name it.
  public var description: String {
    switch self {
    case .images: "images"
    case .table: "rows of a table, without --window and --text"
    case .series: "a time series; give --window"
    case .textColumn: "texts in a table; give --text"
    case .unlabeled(let preparation): preparation.description
    case .tags: "texts with a label for each token"
    case .translation: "pairs of texts in a table"
    case .generation: "texts for the rows of a table"
    case .graph: "the nodes of a graph"
    case .graphs: "a collection of graphs"
    case .text: "text"
    }
  }

  /// As a checkpoint keeps it.
  public func json() throws -> JSONValue {
    switch self {
    case .images(let preprocessing): try JSONValue(encoding: preprocessing)
    case .table(let preprocessing): try JSONValue(encoding: Wrapped(table: preprocessing))
    case .series(let preprocessing): try JSONValue(encoding: Wrapped(series: preprocessing))
    case .textColumn(let preprocessing): try JSONValue(encoding: Wrapped(characters: preprocessing))
    case .unlabeled(let preparation): try JSONValue(encoding: Wrapped(unlabeled: preparation))
    case .tags(let preprocessing): try JSONValue(encoding: Wrapped(tags: preprocessing))
    case .translation(let preprocessing): try JSONValue(encoding: Wrapped(translation: preprocessing))
    case .generation(let preprocessing): try JSONValue(encoding: Wrapped(generation: preprocessing))
    case .graph(let preparation): try JSONValue(encoding: Wrapped(graph: preparation))
    case .graphs(let encoding): try JSONValue(encoding: Wrapped(graphs: encoding))
    case .text: try JSONValue(encoding: Wrapped(text: Unit()))
    }
  }

  /// From a checkpoint.
  public init(json: JSONValue) throws {
    let wrapped = try? json.decoded(as: Wrapped.self)
    if let table = wrapped?.table {
      self = .table(try table.validated())
    } else if let series = wrapped?.series {
      self = .series(try series.validated())
    } else if let characters = wrapped?.characters {
      self = .textColumn(try characters.validated())
    } else if let unlabeled = wrapped?.unlabeled {
      self = .unlabeled(try unlabeled.validated())
    } else if let tags = wrapped?.tags {
      self = .tags(try tags.validated())
    } else if let translation = wrapped?.translation {
      self = .translation(try translation.validated())
    } else if let generation = wrapped?.generation {
      self = .generation(try generation.validated())
    } else if let graph = wrapped?.graph {
      self = .graph(graph)
    } else if let encoding = wrapped?.graphs {
      self = .graphs(try encoding.validated())
    } else if wrapped?.text != nil {
      self = .text
    } else {
      do {
        self = .images(try json.decoded(as: Preprocessing.self).validated())
      } catch is DecodingError {
        throw TrainingFault.unreadablePreprocessing(text: json.serialized)
      }
    }
  }
}

extension Checkpoint {
  /// How the data were prepared that the weights know; nil where the file does not say.
  public func inputPreparation() throws -> InputPreparation? {
    try metadata.preprocessing.map { try InputPreparation(json: $0) }
  }

  /// How the images were prepared that the weights know; nil where the file does not say, or is not for images.
  public func preprocessing() throws -> Preprocessing? {
    guard case .images(let preprocessing)? = try inputPreparation() else { return nil }
    return preprocessing
  }
}
