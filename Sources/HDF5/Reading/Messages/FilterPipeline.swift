/// The filters that a chunk's bytes pass through when written: the filter pipeline message (specification IV.A.2.l).
struct FilterPipeline: Sendable {
  struct Filter: Sendable {
    let id: Int
    let name: String
    let parameters: [UInt32]
  }

  static let countLimit = 32

  var filters: [Filter] = []

  init() {}

  init(_ message: FieldReader) throws(Flaw) {
    var message = message
    let version = try message.byte()
    guard version == 1 || version == 2 else { throw .damage("a filter pipeline has version \(version)") }
    let count = try message.byte()
    guard count <= Self.countLimit else { throw .damage("a filter pipeline has \(count) filters") }
    if version == 1 { try message.skip(6) }
    for _ in 0..<count {
      let id = try message.uint16()
      let nameLength = version == 1 || id >= 256 ? try message.uint16() : 0
      try message.skip(2)
      let parameterCount = try message.uint16()
      let padded = version == 1 ? (nameLength + 7) / 8 * 8 : nameLength
      let name = DatatypeMessage.text(try message.take(padded))
      var parameters: [UInt32] = []
      for _ in 0..<parameterCount { parameters.append(UInt32(try message.unsigned(4))) }
      if version == 1, parameterCount % 2 == 1 { try message.skip(4) }
      filters.append(Filter(id: id, name: name, parameters: parameters))
    }
  }
}
