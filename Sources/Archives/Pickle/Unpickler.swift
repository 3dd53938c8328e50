/// Reads a pickle into a `PickleGraph` by a fixed list of instructions: those of PyTorch's own restricted unpickler,
/// of Python 2's protocols 0 to 2, and of protocols 3 to 5 as far as they build plain data. A global is a name, a call
/// is a node; nothing is looked up and nothing is executed.
///
/// The stack is an array, so nesting costs no recursion; values, memo entries and the elements of all containers
/// together are limited.
struct Unpickler {
  private var cursor: ByteCursor
  private let path: String
  private let limit: Int
  private var graph = PickleGraph()
  private var stack: [PickleGraph.Index] = []
  /// The position in the stack of each open MARK.
  private var marks: [Int] = []
  private var memo: [Int: PickleGraph.Index] = [:]
  private var elementCount = 0
  private var started = 0

  init(_ region: ByteRegion, offset: Int, path: String, limit: Int) {
    cursor = ByteCursor(region, offset: offset, path: path, part: "the pickle")
    self.path = path
    self.limit = limit
  }

  mutating func run() throws(PickleFault) -> PickleGraph {
    while true {
      started = cursor.offset
      let code = try unsigned(UInt8.self)
      if code == UInt8(ascii: ".") { break }
      try step(code)
    }
    graph.root = try pop()
    graph.end = cursor.offset
    return graph
  }

  private mutating func step(_ code: UInt8) throws(PickleFault) {
    switch code {
    case 0x80: _ = try unsigned(UInt8.self)  // PROTO
    case 0x95: _ = try unsigned(UInt64.self)  // FRAME: only a hint about buffering
    case UInt8(ascii: "("): marks.append(stack.count)  // MARK
    case UInt8(ascii: "0"):  // POP, which also takes a mark
      if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
    case UInt8(ascii: "1"): _ = try sinceMark()  // POP_MARK
    case UInt8(ascii: "2"): stack.append(try top())  // DUP
    // Constants and numbers.
    case UInt8(ascii: "N"): try push(.none)
    case 0x88: try push(.boolean(true))
    case 0x89: try push(.boolean(false))
    case UInt8(ascii: "K"): try push(.integer(Int(try unsigned(UInt8.self))))  // BININT1
    case UInt8(ascii: "M"): try push(.integer(Int(try unsigned(UInt16.self))))  // BININT2
    case UInt8(ascii: "J"): try push(.integer(Int(Int32(bitPattern: try unsigned(UInt32.self)))))  // BININT
    case UInt8(ascii: "I"): try push(try decimal(booleans: true))  // INT
    case UInt8(ascii: "L"): try push(try decimal(booleans: false))  // LONG
    case 0x8a: try push(Self.integer(try bytes(Int(try unsigned(UInt8.self)))))  // LONG1
    case 0x8b: try push(Self.integer(try bytes(try length(UInt32.self))))  // LONG4
    case UInt8(ascii: "G"): try push(.real(Double(bitPattern: try unsigned(UInt64.self).byteSwapped)))  // BINFLOAT
    case UInt8(ascii: "F"): try push(.real(try decimalReal()))  // FLOAT
    // Text and bytes.
    case UInt8(ascii: "X"): try push(.text(try utf8(try length(UInt32.self))))  // BINUNICODE
    case 0x8c: try push(.text(try utf8(Int(try unsigned(UInt8.self)))))  // SHORT_BINUNICODE
    case 0x8d: try push(.text(try utf8(try length(UInt64.self))))  // BINUNICODE8
    case UInt8(ascii: "V"): try push(.text(Self.escapedText(try line())))  // UNICODE
    case UInt8(ascii: "U"), UInt8(ascii: "C"):  // SHORT_BINSTRING, SHORT_BINBYTES
      try push(.bytes(try bytes(Int(try unsigned(UInt8.self)))))
    case UInt8(ascii: "T"), UInt8(ascii: "B"):  // BINSTRING, BINBYTES
      try push(.bytes(try bytes(try length(UInt32.self))))
    case 0x8e, 0x96: try push(.bytes(try bytes(try length(UInt64.self))))  // BINBYTES8, BYTEARRAY8
    case UInt8(ascii: "S"): try push(.bytes(try quoted()))  // STRING
    // Containers.
    case UInt8(ascii: ")"): try push(.tuple([]))
    case UInt8(ascii: "]"): try push(.list([]))
    case UInt8(ascii: "}"): try push(.dictionary([]))
    case 0x8f: try push(.set([]))
    case UInt8(ascii: "t"): try push(.tuple(try sinceMark()))
    case UInt8(ascii: "l"): try push(.list(try sinceMark()))
    case 0x91: try push(.set(try sinceMark()))  // FROZENSET
    case UInt8(ascii: "d"): try push(.dictionary(try paired(try sinceMark())))
    case 0x85: try push(.tuple(try pop(1)))
    case 0x86: try push(.tuple(try pop(2)))
    case 0x87: try push(.tuple(try pop(3)))
    case UInt8(ascii: "a"): try extend(with: try pop(1))  // APPEND
    case UInt8(ascii: "e"), 0x90: try extend(with: try sinceMark())  // APPENDS, ADDITEMS
    case UInt8(ascii: "s"): try set(try paired(try pop(2)))  // SETITEM
    case UInt8(ascii: "u"): try set(try paired(try sinceMark()))  // SETITEMS
    // The memo.
    case UInt8(ascii: "q"): try remember(Int(try unsigned(UInt8.self)))
    case UInt8(ascii: "r"): try remember(Int(try unsigned(UInt32.self)))
    case UInt8(ascii: "p"): try remember(try decimalIndex())
    case 0x94: try remember(memo.count)  // MEMOIZE
    case UInt8(ascii: "h"): try recall(Int(try unsigned(UInt8.self)))
    case UInt8(ascii: "j"): try recall(Int(try unsigned(UInt32.self)))
    case UInt8(ascii: "g"): try recall(try decimalIndex())
    // Names, and calls that are not made.
    case UInt8(ascii: "c"):  // GLOBAL
      let module = String(decoding: try line(), as: UTF8.self)
      try push(.global(module: module, name: String(decoding: try line(), as: UTF8.self)))
    case 0x93:  // STACK_GLOBAL
      let parts = try pop(2)
      guard let module = graph.text(parts[0]), let name = graph.text(parts[1]) else {
        throw fault("a name is not text")
      }
      try push(.global(module: module, name: name))
    case UInt8(ascii: "R"), 0x81: try call(try pop(2))  // REDUCE, NEWOBJ
    case 0x92:  // NEWOBJ_EX: its keyword arguments are dropped
      try call(Array(try pop(3).prefix(2)))
    case UInt8(ascii: "b"):  // BUILD
      let state = try pop()
      let target = try top()
      if case .object(var object) = graph.values[target] {
        object.state = state
        graph.values[target] = .object(object)
      }
    case UInt8(ascii: "Q"): try push(.persistent(try pop()))  // BINPERSID
    default: throw .opcode(path: path, code: code, offset: started)
    }
  }

  // MARK: The stack

  private func fault(_ reason: String) -> PickleFault {
    .malformed(path: path, offset: started, reason: reason)
  }

  private mutating func push(_ value: PickleGraph.Value) throws(PickleFault) {
    guard graph.values.count < limit else { throw .tooLarge(path: path, limit: limit) }
    stack.append(graph.values.count)
    graph.values.append(value)
  }

  /// The lowest place in the stack that an instruction may take from: values below an open MARK are out of reach.
  private var floor: Int { marks.last ?? 0 }

  private func top() throws(PickleFault) -> PickleGraph.Index {
    guard stack.count > floor, let top = stack.last else { throw fault("the stack is empty") }
    return top
  }

  private mutating func pop() throws(PickleFault) -> PickleGraph.Index {
    let top = try top()
    stack.removeLast()
    return top
  }

  private mutating func pop(_ count: Int) throws(PickleFault) -> [PickleGraph.Index] {
    guard stack.count - floor >= count else { throw fault("the stack is empty") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func sinceMark() throws(PickleFault) -> [PickleGraph.Index] {
    guard let mark = marks.popLast() else { throw fault("no mark is open") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private func paired(_ flat: [PickleGraph.Index]) throws(PickleFault) -> [PickleGraph.Pair] {
    guard flat.count.isMultiple(of: 2) else { throw fault("a key has no value") }
    return stride(from: 0, to: flat.count, by: 2).map { .init(key: flat[$0], value: flat[$0 + 1]) }
  }

  private mutating func count(_ elements: Int) throws(PickleFault) {
    elementCount += elements
    guard elementCount <= limit else { throw .tooLarge(path: path, limit: limit) }
  }

  private mutating func extend(with elements: [PickleGraph.Index]) throws(PickleFault) {
    try count(elements.count)
    guard graph.values[try top()].append(elements) else {
      throw fault("elements are appended to something that is not a list")
    }
  }

  private mutating func set(_ pairs: [PickleGraph.Pair]) throws(PickleFault) {
    try count(pairs.count)
    guard graph.values[try top()].append(pairs) else {
      throw fault("items are set in something that is not a dictionary")
    }
  }

  private mutating func call(_ parts: [PickleGraph.Index]) throws(PickleFault) {
    try push(.object(.init(callable: parts[0], arguments: parts[1])))
  }

  private mutating func remember(_ place: Int) throws(PickleFault) {
    guard memo.count < limit else { throw .tooLarge(path: path, limit: limit) }
    memo[place] = try top()
  }

  private mutating func recall(_ place: Int) throws(PickleFault) {
    guard let index = memo[place] else { throw fault("memo entry \(place) was never written") }
    // A repeat costs a byte or two in the file and one slot here, so the length of the file limits it.
    stack.append(index)
  }

  // MARK: Arguments

  private mutating func unsigned<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type
  ) throws(PickleFault) -> Value {
    do { return try cursor.integer(type) } catch { throw .truncated(path: path, offset: cursor.region.count) }
  }

  private mutating func length<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type
  ) throws(PickleFault) -> Int {
    let length = try unsigned(type)
    guard length <= UInt64(cursor.remaining) else { throw .truncated(path: path, offset: cursor.region.count) }
    return Int(length)
  }

  private mutating func bytes(_ count: Int) throws(PickleFault) -> [UInt8] {
    do { return try cursor.bytes(count) } catch { throw .truncated(path: path, offset: cursor.region.count) }
  }

  private mutating func utf8(_ count: Int) throws(PickleFault) -> String {
    String(decoding: try bytes(count), as: UTF8.self)
  }

  private mutating func line() throws(PickleFault) -> [UInt8] {
    do { return try cursor.line() } catch { throw .truncated(path: path, offset: cursor.region.count) }
  }

  private mutating func decimalIndex() throws(PickleFault) -> Int {
    guard let index = Int(String(decoding: try line(), as: UTF8.self)), index >= 0 else {
      throw fault("a memo entry is not a number")
    }
    return index
  }

  private mutating func decimal(booleans: Bool) throws(PickleFault) -> PickleGraph.Value {
    var text = String(decoding: try line(), as: UTF8.self)
    if booleans, text == "00" || text == "01" { return .boolean(text == "01") }
    if text.hasSuffix("L") { text.removeLast() }
    guard let value = Int(text) else { throw fault("'\(text.prefix(40))' is not a 64-bit integer") }
    return .integer(value)
  }

  private mutating func decimalReal() throws(PickleFault) -> Double {
    let text = String(decoding: try line(), as: UTF8.self)
    guard let value = Double(text) else { throw fault("'\(text.prefix(40))' is not a number") }
    return value
  }

  /// A string between quotes with Python's escapes.
  private mutating func quoted() throws(PickleFault) -> [UInt8] {
    var text = try line()[...]
    guard text.count >= 2, let quote = text.first, quote == text.last, quote == 0x27 || quote == 0x22 else {
      throw fault("a string has no quotes")
    }
    text = text.dropFirst().dropLast()
    var result: [UInt8] = []
    while let byte = text.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      guard let escape = text.popFirst() else { throw fault("a string ends in an escape") }
      switch escape {
      case UInt8(ascii: "n"): result.append(10)
      case UInt8(ascii: "r"): result.append(13)
      case UInt8(ascii: "t"): result.append(9)
      case UInt8(ascii: "x"):
        guard let value = UInt8(String(decoding: text.prefix(2), as: UTF8.self), radix: 16) else {
          throw fault("a string has a bad escape")
        }
        text = text.dropFirst(2)
        result.append(value)
      default: result.append(escape)
      }
    }
    return result
  }

  /// Python's "raw-unicode-escape": Latin-1, with \uXXXX and \UXXXXXXXX for what is not.
  private static func escapedText(_ bytes: [UInt8]) -> String {
    var text = String.UnicodeScalarView()
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      let digits = rest.first == UInt8(ascii: "u") ? 4 : rest.first == UInt8(ascii: "U") ? 8 : 0
      if byte == UInt8(ascii: "\\"), digits > 0, rest.count > digits,
        let code = UInt32(String(decoding: rest.dropFirst().prefix(digits), as: UTF8.self), radix: 16)
      {
        text.append(Unicode.Scalar(code) ?? "\u{fffd}")
        rest = rest.dropFirst(digits + 1)
      } else {
        text.append(Unicode.Scalar(byte))
      }
    }
    return String(text)
  }

  /// Little-endian two's complement of any length.
  private static func integer(_ bytes: [UInt8]) -> PickleGraph.Value {
    guard bytes.count <= 8 else { return .bigInteger(bytes) }
    let negative = (bytes.last ?? 0) & 0x80 != 0
    var pattern: UInt64 = negative ? .max : 0
    for byte in bytes.reversed() { pattern = pattern << 8 | UInt64(byte) }
    return .integer(Int(Int64(bitPattern: pattern)))
  }
}

// A container grows by one element at a time. Another reference to its elements, such as the one that a pattern holds,
// would make each append copy them all: a function takes them out and leaves none.
extension PickleGraph.Value {
  private enum Container { case list, set, dictionary, object }

  private var container: Container? {
    switch self {
    case .list: .list
    case .set: .set
    case .dictionary: .dictionary
    case .object: .object
    default: nil
    }
  }

  fileprivate mutating func append(_ new: [PickleGraph.Index]) -> Bool {
    let container = container
    if container == .object, var object = takeObject() {
      object.elements.append(contentsOf: new)
      self = .object(object)
      return true
    }
    guard container == .list || container == .set else { return false }
    var elements = takeElements()
    elements.append(contentsOf: new)
    self = container == .list ? .list(elements) : .set(elements)
    return true
  }

  fileprivate mutating func append(_ new: [PickleGraph.Pair]) -> Bool {
    let container = container
    if container == .object, var object = takeObject() {
      object.pairs.append(contentsOf: new)
      self = .object(object)
      return true
    }
    guard container == .dictionary else { return false }
    var pairs = takePairs()
    pairs.append(contentsOf: new)
    self = .dictionary(pairs)
    return true
  }

  private mutating func takeElements() -> [PickleGraph.Index] {
    defer { self = .none }
    switch self {
    case .list(let elements), .set(let elements): return elements
    default: return []
    }
  }

  private mutating func takePairs() -> [PickleGraph.Pair] {
    defer { self = .none }
    if case .dictionary(let pairs) = self { return pairs } else { return [] }
  }

  private mutating func takeObject() -> PickleGraph.Object? {
    defer { self = .none }
    if case .object(let object) = self { return object } else { return nil }
  }
}

extension PickleGraph {
  /// The most values, memo entries and elements of a pickle: a hundred thousand tensors have fewer, and this many take
  /// less than 512 MB.
  public static let defaultLimit = 4_000_000

  /// Reads the pickle that begins at `offset`.
  public init(
    _ region: ByteRegion, at offset: Int = 0, path: String, limit: Int = defaultLimit
  ) throws(PickleFault) {
    var unpickler = Unpickler(region, offset: offset, path: path, limit: limit)
    self = try unpickler.run()
  }
}
