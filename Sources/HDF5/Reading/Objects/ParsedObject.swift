/// What an object header describes.
enum ParsedObject {
  case group(ObjectHeader)
  case dataset(DatasetObject, ObjectAttributes)
  case namedDatatype(Datatype, ObjectAttributes)

  init(at address: UInt64, _ blocks: BlockReader) throws(Flaw) {
    let header = try ObjectHeader(at: address, blocks)
    if header.isGroup {
      self = .group(header)
    } else if let type = header.first(.datatype) {
      if let space = header.first(.dataspace) {
        let dataset = try DatasetObject(at: address, header, type, space, blocks)
        self = .dataset(dataset, ObjectAttributes(header, blocks))
      } else {
        let datatype = try DatatypeMessage.datatype(of: type, blocks)
        self = .namedDatatype(datatype, ObjectAttributes(header, blocks))
      }
    } else {
      throw .damage("it is neither a group nor a dataset")
    }
  }
}

extension ObjectHeader {
  var isGroup: Bool {
    messages.indices.contains {
      switch messages[$0].kind {
      case .symbolTable, .linkInfo, .link, .groupInfo: true
      default: false
      }
    }
  }
}

extension HDF5Contents.Dataset {
  init(_ path: String, _ dataset: DatasetObject, _ attributes: [HDF5Attribute], _ image: FileImage) {
    let isInPlace = dataset.isPlain && dataset.storedCount > 0
    self.init(
      path: path, attributes: attributes, offset: isInPlace ? dataset.position(image) : nil, object: dataset)
  }
}
