import Aviary

/// What one input of a Keras network is given, example by example.
struct InputFeed {
  /// What the examples are.
  enum Content {
    case images([ImageEntry], Preprocessing)
    /// A row of numbers for each; nil where one is missing.
    case rows([[Float]?])
    /// The steps of one sequence, [T, F].
    case sequence([[Float]])
    /// A row of texts for each; nil where one is missing.
    case texts([[String]?])
  }

  /// Where an example comes from.
  struct Place {
    let path: String
    /// The word for its number in the file, and the number; nil where the file is the example.
    var item: (word: String, number: Int)?

    var text: String { item.map { "\(path) \($0.word) \($0.number)" } ?? path }

    /// As members of a JSON object.
    var members: [JSONValue.Member] {
      guard let item else { return [.init("image", .text(path))] }
      return [.init(item.word == "row" ? "table" : "text", .text(path)), .init(item.word, .integer(item.number))]
    }
  }

  let input: KerasInput
  let content: Content
  let places: [Place]

  var count: Int {
    switch content {
    case .images(let entries, _): entries.count
    case .rows(let rows): rows.count
    case .sequence: 1
    case .texts(let texts): texts.count
    }
  }

  /// What the user calls the input.
  var name: String { input.label ?? input.name }

  /// The input of one example, [1, C, …], or why it has none.
  func tensor(_ place: Int) -> Result<Tensor, Unfed> {
    switch content {
    case .images(let entries, let preprocessing):
      do throws(ImageDecodingFault) {
        let tensor = preprocessing(try entries[place].decoded())
        return input.takes(tensor) ? .success(tensor) : .failure(Unfed("\(entries[place].path): \(unsuited(tensor))"))
      } catch { return .failure(Unfed("\(error)")) }
    case .rows(let rows):
      return missing(rows[place], place) { Tensor($0, shape: [1, $0.count]) }
    case .sequence(let steps):
      return .success(Tensor(steps.flatMap { $0 }, shape: [1, steps.count, steps[0].count]).transposed([0, 2, 1]))
    case .texts(let texts):
      return missing(texts[place], place) { Tensor(texts: [$0]) }
    }
  }

  private func missing<Value>(_ value: Value?, _ place: Int, _ make: (Value) -> Tensor) -> Result<Tensor, Unfed> {
    value.map { .success(make($0)) }
      ?? .failure(Unfed("\(places[place].text): a value is missing, which '\(name)' needs"))
  }

  private func unsuited(_ tensor: Tensor) -> String {
    "an image of shape \(tensor.shape.dropFirst().map { $0 }) does not go with the input '\(name)', \(input.shape.map { $0.map(String.init) ?? "any" }.joined(separator: "×"))"
  }

  /// Several inputs as one batch; texts are filled up to the longest.
  static func joined(_ tensors: [Tensor], _ input: KerasInput) -> Tensor {
    guard tensors.count > 1 else { return tensors[0] }
    guard input.isText else { return concatenated(tensors, axis: 0) }
    let longest = tensors.map { $0.shape[2] }.max() ?? 1
    let padded = tensors.map { x in
      x.shape[2] == longest
        ? x
        : concatenated([x, Tensor(repeating: -1, shape: [x.shape[0], x.shape[1], longest - x.shape[2]])], axis: 2)
    }
    return concatenated(padded, axis: 0)
  }
}

/// Why an example cannot be given to a network.
struct Unfed: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

extension KerasInput {
  /// Whether a tensor [N, C, …] fits.
  func takes(_ x: Tensor) -> Bool {
    x.rank == shape.count + 1 && zip(x.shape.dropFirst(), shape).allSatisfy { $1 == nil || $0 == $1 }
  }

  /// Whether it is one number, or one text.
  var isSingle: Bool { shape[0] == 1 && (isText || shape.count == 1) }

  /// What it takes, in words.
  var described: String {
    switch (isText, shape.count) {
    case (true, _): shape[0] == 1 ? "a text" : "\(shape[0] ?? 1) texts"
    case (false, 1): shape[0].map { $0 == 1 ? "a number" : "a row of \($0) numbers" } ?? "a row of numbers"
    case (false, 2): "a sequence of \(shape[0].map(String.init) ?? "any number of") columns"
    case (false, 3): "an image of \(shape[1].map(String.init) ?? "any")×\(shape[2].map(String.init) ?? "any")"
    default: "a volume"
    }
  }
}
