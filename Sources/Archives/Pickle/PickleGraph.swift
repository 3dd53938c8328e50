/// The contents of a pickle as data: nothing in it is executed.
///
/// Values are in one array and refer to each other by index, because a pickle is a graph: its memo lets values be shared,
/// and even contain themselves. A flat array is also released without recursion, however deep a hostile file nests it.
public struct PickleGraph: Sendable {
  public typealias Index = Int

  public enum Value: Sendable, Equatable {
    case none
    case boolean(Bool)
    case integer(Int)
    /// An integer beyond 64 bits, little-endian two's complement.
    case bigInteger([UInt8])
    case real(Double)
    case text(String)
    case bytes([UInt8])
    case tuple([Index])
    case list([Index])
    case set([Index])
    /// Pairs in the order in which they were set; of two pairs with the same key, the later one counts.
    case dictionary([Pair])
    /// A name that the pickle imports; it is never looked up.
    case global(module: String, name: String)
    /// A call in the pickle, with later changes of its result; it is never executed.
    case object(Object)
    /// A reference to something outside the pickle: for PyTorch, a storage.
    case persistent(Index)
  }

  public struct Pair: Sendable, Equatable {
    public let key: Index
    public let value: Index
  }

  public struct Object: Sendable, Equatable {
    /// The callee: a global, or any other value.
    public let callable: Index
    public let arguments: Index
    /// The argument of BUILD, if any.
    public internal(set) var state: Index?
    /// The pairs of SETITEM and SETITEMS.
    public internal(set) var pairs: [Pair] = []
    /// The elements of APPEND, APPENDS and ADDITEMS.
    public internal(set) var elements: [Index] = []
  }

  public internal(set) var values: [Value] = []
  public internal(set) var root: Index = 0
  /// Offset of the first byte after the pickle.
  public internal(set) var end = 0

  public subscript(index: Index) -> Value { values[index] }

  /// The text of a string, or of bytes as Latin-1, which Python 2 wrote for strings.
  public func text(_ index: Index) -> String? {
    switch values[index] {
    case .text(let text): text
    case .bytes(let bytes): String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    default: nil
    }
  }

  public func integer(_ index: Index) -> Int? {
    switch values[index] {
    case .integer(let value): value
    case .boolean(let value): value ? 1 : 0
    default: nil
    }
  }

  /// The elements of a tuple or a list.
  public func elements(_ index: Index) -> [Index]? {
    switch values[index] {
    case .tuple(let elements), .list(let elements): elements
    default: nil
    }
  }

  /// `module.name` of a global.
  public func globalName(_ index: Index) -> String? {
    guard case .global(let module, let name) = values[index] else { return nil }
    return module + "." + name
  }

  /// The pairs of a dictionary, or of a dictionary type of the standard library.
  public func pairs(_ index: Index) -> [Pair]? {
    switch values[index] {
    case .dictionary(let pairs): return pairs
    case .object(let object):
      let dictionaries: Set = ["collections.OrderedDict", "collections.defaultdict", "collections.Counter"]
      guard let name = globalName(object.callable), dictionaries.contains(name) else { return nil }
      // Python 2 passes an OrderedDict its pairs as a list of lists.
      var pairs: [Pair] = []
      if let given = elements(object.arguments)?.last, let inner = elements(given) {
        for pair in inner.compactMap({ elements($0) }) where pair.count == 2 {
          pairs.append(Pair(key: pair[0], value: pair[1]))
        }
      }
      return pairs + object.pairs
    default: return nil
    }
  }
}
