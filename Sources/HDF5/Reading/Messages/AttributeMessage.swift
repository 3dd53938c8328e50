/// An attribute (specification IV.A.2.m), versions 1 to 3: its name, and then datatype, dataspace and bytes.
struct AttributeMessage {
  /// Bytes that one attribute may have, without what its texts refer to.
  static let sizeLimit = 64 << 20

  let name: String
  private var fields: FieldReader
  private let version: Int
  private let flags: Int
  private let typeSize: Int
  private let spaceSize: Int

  init(_ message: FieldReader) throws(Flaw) {
    var message = message
    version = try message.byte()
    guard (1...3).contains(version) else { throw .damage("an attribute has version \(version)") }
    flags = version == 1 ? 0 : try message.byte()
    if version == 1 { try message.skip(1) }
    let nameSize = try message.uint16()
    typeSize = try message.uint16()
    spaceSize = try message.uint16()
    if version == 3 { try message.skip(1) }
    let start = message.offset
    name = DatatypeMessage.text(try message.take(nameSize))
    if version == 1 { try message.align(from: start) }
    fields = message
  }

  func attribute(_ blocks: BlockReader) throws(Flaw) -> HDF5Attribute {
    var fields = fields
    let type = HeaderMessage(kind: .datatype, isShared: flags & 1 != 0, body: try part(&fields, typeSize))
    let datatype = try DatatypeMessage.datatype(of: type, blocks)
    let space = HeaderMessage(kind: .dataspace, isShared: flags & 2 != 0, body: try part(&fields, spaceSize))
    let dataspace = try Dataspace(try SharedMessage.body(of: space, blocks))
    guard let size = dataspace.count.times(datatype.size) else { throw .overflow("its size") }
    guard size <= Self.sizeLimit else { throw .tooLarge(bytes: size, limit: Self.sizeLimit) }
    let bytes = try fields.take(size)
    // What is made of the bytes takes room as well.
    try blocks.charge(size)
    var decoder = ElementDecoder(blocks, limit: Self.sizeLimit / 16)
    let elements = try decoder.elements(bytes, datatype, count: dataspace.count)
    return HDF5Attribute(
      name, Self.value(elements, datatype, isScalar: dataspace.extents.isEmpty && !dataspace.isNull),
      datatype: datatype, shape: dataspace.isNull ? nil : dataspace.extents)
  }

  private func part(_ fields: inout FieldReader, _ size: Int) throws(Flaw) -> FieldReader {
    let start = fields.offset
    let part = try fields.block(size)
    if version == 1 { try fields.align(from: start) }
    return part
  }

  /// The form that attributes of checkpoints have, where the elements allow it.
  private static func value(_ elements: [HDF5Element], _ type: Datatype, isScalar: Bool) -> HDF5Value {
    switch type {
    case .fixedString, .variableString:
      let texts = elements.compactMap { if case .text(let text) = $0 { text } else { nil } }
      return isScalar && texts.count == 1 ? .text(texts[0]) : .texts(texts)
    case .fixedPoint:
      let numbers = elements.compactMap { if case .integer(let number) = $0 { number } else { nil } }
      guard numbers.count == elements.count else { return .elements(elements) }
      return isScalar && numbers.count == 1 ? .integer(numbers[0]) : .integers(numbers)
    case .floatingPoint:
      let numbers = elements.compactMap { if case .real(let number) = $0 { number } else { nil } }
      return isScalar && numbers.count == 1 ? .real(numbers[0]) : .reals(numbers)
    default: return .elements(elements)
    }
  }
}
