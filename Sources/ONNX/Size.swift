#if ONNX
  /// A size of inputs that may vary, and the values with which the network is traced.
  struct Symbol: Equatable {
    /// The name of the axis in the file.
    let name: String
    let low: Int
    let high: Int
    /// With which the result is checked.
    let other: Int
  }

  /// An integer of a traced network as a function of the symbols: a sum of products, in each of which a symbol occurs at most
  /// once.
  struct Size: Hashable {
    /// The factors of the products that are not zero. The key has a bit for each symbol of the product.
    private(set) var terms: [Int: Int] = [:]

    init(_ constant: Int) { if constant != 0 { terms[0] = constant } }

    /// The symbol of this number itself.
    init(symbol: Int) { terms[1 << symbol] = 1 }

    /// The function that has these values; nil where there is none, or not with whole factors.
    ///
    /// - Parameter values: for each of the symbols' combinations.
    init?(_ values: [Int], _ symbols: [Symbol]) {
      var factors = Array(values.prefix(1 << symbols.count))
      for (bit, symbol) in symbols.enumerated() {
        for corner in factors.indices where corner & 1 << bit != 0 {
          let (low, high) = (factors[corner ^ 1 << bit], factors[corner])
          let (slope, rest) = (high - low).quotientAndRemainder(dividingBy: symbol.high - symbol.low)
          guard rest == 0 else { return nil }
          factors[corner] = slope
          factors[corner ^ 1 << bit] = low - slope * symbol.low
        }
      }
      for (key, factor) in factors.enumerated() where factor != 0 { terms[key] = factor }
      if values.count > factors.count, value(symbols.map(\.other)) != values.last { return nil }
    }

    /// The number, where it does not depend on a symbol.
    var constant: Int? {
      if terms.isEmpty { return 0 }
      return terms.count == 1 ? terms[0] : nil
    }

    /// The symbol that the size is, where it is one.
    var symbol: Int? {
      guard terms.count == 1, let (key, factor) = terms.first, factor == 1, key.nonzeroBitCount == 1 else { return nil }
      return key.trailingZeroBitCount
    }

    func value(_ sizes: [Int]) -> Int {
      terms.reduce(0) { sum, term in
        sum + sizes.indices.reduce(term.value) { term.key & 1 << $1 == 0 ? $0 : $0 * sizes[$1] }
      }
    }

    static func - (a: Size, b: Size) -> Size {
      var result = a
      for (key, factor) in b.terms {
        let difference = result.terms[key, default: 0] - factor
        result.terms[key] = difference == 0 ? nil : difference
      }
      return result
    }
  }

  extension Symbol {
    /// The sizes of traces: each combination of low and high ones, and the others.
    static func combinations(_ symbols: [Symbol]) -> [[Int]] {
      (0..<1 << symbols.count).map { corner in
        symbols.enumerated().map { corner & 1 << $0 == 0 ? $1.low : $1.high }
      } + [symbols.map(\.other)]
    }
  }
#endif
