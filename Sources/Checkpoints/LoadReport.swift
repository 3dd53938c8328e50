/// What a network wants from a checkpoint: one parameter, buffer, counter or table of indices.
public struct CellDescription: Sendable, Equatable {
  /// What a cell is for.
  public enum Role: String, Sendable {
    /// Learned.
    case parameter
    /// Running statistics.
    case buffer
    /// `num_batches_tracked`: older files lack it, and nothing depends on it.
    case counter
    /// Whole numbers that the network has itself, and that have to be the same in the file.
    case indices
  }

  /// Its path.
  public let path: String
  /// Its shape.
  public let shape: [Int]
  /// What it is for.
  public let role: Role

  /// A description of these values.
  public init(path: String, shape: [Int], role: Role) {
    self.path = path
    self.shape = shape
    self.role = role
  }
}

extension CellDescription: CustomStringConvertible {
  public var description: String { "a \(role.rawValue) \(shape)" }
}

/// What a network takes from a checkpoint if it is there: a number that says how a layer works.
public struct SettingDescription: Sendable, Equatable {
  /// Its path.
  public let path: String
  /// The values that are possible.
  public let allowed: ClosedRange<Float>

  /// A description of these values.
  public init(path: String, allowed: ClosedRange<Float>) {
    self.path = path
    self.allowed = allowed
  }
}

/// How a checkpoint fits a network: every difference, allowed or not, in fields that a program can read.
/// `description` says the same in words.
public struct LoadReport: Sendable, Equatable {
  /// A tensor that has another shape than its cell.
  public struct ShapeMismatch: Sendable, Equatable {
    /// Its path.
    public let path: String
    /// The shape that the network has.
    public let expected: [Int]
    /// The shape that the file has.
    public let found: [Int]

    /// A description of these values.
    public init(path: String, expected: [Int], found: [Int]) {
      self.path = path
      self.expected = expected
      self.found = found
    }
  }

  /// A tensor whose elements are not of the type that the network has.
  public struct Typed: Sendable, Equatable {
    /// Its path.
    public let path: String
    /// The type that the file has.
    public let dtype: Dtype

    /// A description of these values.
    public init(path: String, dtype: Dtype) {
      self.path = path
      self.dtype = dtype
    }
  }

  /// What was done to a tensor of the file to make it the network's. `path` is always the network's.
  public enum Conversion: Sendable, Equatable {
    /// The elements were of another type. Quantized weights, which a network takes as they are, are not listed.
    case type(path: String, from: Dtype, to: Dtype)
    /// The file has another name for it.
    case renamed(path: String, from: String)
    /// Several tensors of the file are one of the network: the gates of an LSTM.
    case joined(path: String, from: [String])
    /// The same elements in the same order in another shape.
    case reshaped(path: String, from: [Int])
    /// The axes are in another order, or elements within them: kernels of Keras.
    case rearranged(path: String, from: [Int])
    /// The file has nothing for it, and every element is this number.
    case filled(path: String, value: Float)

    /// The path in the network.
    public var path: String {
      switch self {
      case .type(let path, _, _), .renamed(let path, _), .joined(let path, _), .reshaped(let path, _),
        .rearranged(let path, _), .filled(let path, _):
        path
      }
    }
  }

  /// Differences that the caller allowed.
  public struct Allowed: Sendable, Equatable {
    /// They keep their value, or are initialized.
    public internal(set) var missing: [String] = []
    /// They are left out.
    public internal(set) var unexpected: [String] = []
    /// They keep their value, or are initialized, and what the file has is left out.
    public internal(set) var mismatched: [ShapeMismatch] = []

    /// Whether nothing had to be allowed.
    public var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty }
  }

  /// The shapes of all tensors in the report: the network's, or the file's where the network has none.
  public internal(set) var shapes: [String: [Int]] = [:]
  /// Paths that were filled.
  public internal(set) var loaded: [String] = []
  /// How those of them were made that are not in the file as the network has them.
  public internal(set) var conversions: [Conversion] = []
  /// Wanted, absent, and not allowed to be.
  public internal(set) var missing: [String] = []
  /// Present, not wanted, and not allowed to be.
  public internal(set) var unexpected: [String] = []
  /// Of another shape, and not allowed to be.
  public internal(set) var mismatched: [ShapeMismatch] = []
  /// Arrays that are complex, or of 4 bits, where real numbers are wanted.
  public internal(set) var unusable: [Typed] = []
  /// For a missing path, an unexpected one that may be meant.
  public internal(set) var suggestions: [String: String] = [:]
  /// Names of matrices with which the file would fit if they were transposed; `**` for all.
  public internal(set) var transposable: [String] = []
  /// Differences that were allowed.
  public internal(set) var allowed = Allowed()
  /// Counters that the file lacks; they keep their value.
  public internal(set) var missingCounters: [String] = []
  /// The parameters of the classifier head, where the file has none of them and everything else.
  public internal(set) var absentHead: [String] = []
  /// Numbers of the file that are settings of no layer of the network, by path.
  public internal(set) var ignoredSettings: [String: Double] = [:]

  /// A report of nothing.
  public init() {}

  /// The checkpoint has nothing for the classifier head, and everything for the rest.
  public var headAbsent: Bool { !absentHead.isEmpty }

  /// Whether every difference is an allowed one.
  public var isComplete: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty && unusable.isEmpty }
}
