import Aviary

/// What a network puts out decides what its tables mean.
enum OutputForm: Equatable {
  /// One answer for each row, window or text.
  case answer
  /// A label for each token.
  case tags
  /// A text for each text.
  case translation
  /// A text for each row.
  case generation

  init(_ network: (any Network)?) {
    switch network {
    case is any SequenceTagger: self = .tags
    case is any SequenceWriter<SourceText>: self = .translation
    case is any SequenceWriter<Tensor>: self = .generation
    default: self = .answer
    }
  }

  /// The options of tables that count; nil where that depends on the options themselves.
  var options: [String]? {
    switch self {
    case .answer: nil
    case .tags: ["--target", "--text"]
    case .translation: ["--target", "--text", "--tokenizer"]
    case .generation:
      [
        "--target", "--exclude", "--missing", "--outliers", "--degree", "--interactions-only", "--scaling",
        "--tokenizer", "--dates", "--date-format", "--date-parts", "--cyclical-dates", "--bins", "--bin-strategy",
        "--bin-encoding", "--bin-columns",
      ]
    }
  }
}
