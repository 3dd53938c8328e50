/// Lists what a file holds, depth first and by name, with an explicit stack. What cannot be read becomes a refusal.
struct ContentsWalk {
  static let depthLimit = 100
  static let objectLimit = 1_000_000

  private enum Object {
    case group(ObjectHeader)
    case dataset(DatasetObject, [HDF5Attribute])
    case namedDatatype(Datatype, [HDF5Attribute])
  }

  private struct Place {
    let path: String
    let link: Link.Target
    let depth: Int
  }

  private let blocks: BlockReader
  private var contents = HDF5Contents()
  /// Groups listed already, since hard links may form a circle.
  private var visited: Set<UInt64> = []
  /// Objects that are no groups, which may have several names.
  private var known: [UInt64: Object] = [:]
  private var pending: [Place] = []

  private init(_ blocks: BlockReader) { self.blocks = blocks }

  /// Throws where the root group itself cannot be read.
  static func contents(root: UInt64, _ blocks: BlockReader) throws(Flaw) -> HDF5Contents {
    var walk = ContentsWalk(blocks)
    let header = try ObjectHeader(at: root, blocks)
    guard walk.isGroup(header) else { throw .damage("it is no group") }
    walk.visited.insert(root)
    try walk.list(header, path: "", depth: 0)
    while let place = walk.pending.popLast() {
      do throws(Flaw) { try walk.visit(place) } catch {
        walk.contents.refusals.append(error.refusal(of: place.path))
      }
    }
    return walk.contents
  }

  private func isGroup(_ header: ObjectHeader) -> Bool {
    header.messages.indices.contains {
      switch header.messages[$0].kind {
      case .symbolTable, .linkInfo, .link, .groupInfo: true
      default: false
      }
    }
  }

  private mutating func visit(_ place: Place) throws(Flaw) {
    switch place.link {
    case .soft(let target): throw .elsewhere("is a soft link to '\(target)'")
    case .external(let file, let object): throw .elsewhere("is an external link to '\(object)' in the file '\(file)'")
    case .userDefined(let kind): throw .elsewhere("is a link of kind \(kind), which programs define themselves")
    case .hard(let address):
      guard contents.groups.count + contents.datasets.count + contents.namedDatatypes.count < Self.objectLimit else {
        throw .tooMany("objects", limit: Self.objectLimit)
      }
      if visited.contains(address) { throw .elsewhere("is another name of a group listed already") }
      let found: Object
      if let object = known[address] { found = object } else { found = try object(at: address, place) }
      switch found {
      case .group(let header):
        guard place.depth <= Self.depthLimit else {
          throw .tooMany("groups within one another", limit: Self.depthLimit)
        }
        visited.insert(address)
        try list(header, path: place.path, depth: place.depth)
      case .dataset(let dataset, let attributes):
        contents.datasets.append(
          .init(
            path: place.path, attributes: attributes,
            offset: dataset.isPlain && dataset.storedCount > 0 ? dataset.position(blocks.image) : nil,
            object: dataset))
      case .namedDatatype(let type, let attributes):
        contents.namedDatatypes.append(.init(path: place.path, attributes: attributes, datatype: type))
      }
    }
  }

  private mutating func object(at address: UInt64, _ place: Place) throws(Flaw) -> Object {
    let header = try ObjectHeader(at: address, blocks)
    if isGroup(header) { return .group(header) }
    guard let type = header.first(.datatype) else { throw .damage("it is neither a group nor a dataset") }
    let object: Object
    if let space = header.first(.dataspace) {
      let dataset = try DatasetObject(header, type, space, blocks)
      object = .dataset(dataset, attributes(of: header, place.path))
    } else {
      object = .namedDatatype(try DatatypeMessage.datatype(of: type, blocks), attributes(of: header, place.path))
    }
    known[address] = object
    return object
  }

  private mutating func attributes(of header: ObjectHeader, _ path: String) -> [HDF5Attribute] {
    let found = ObjectAttributes(header, blocks)
    for (part, flaw) in found.flaws { contents.refusals.append(flaw.refusal(of: path, part: part)) }
    return found.attributes
  }

  private mutating func list(_ header: ObjectHeader, path: String, depth: Int) throws(Flaw) {
    contents.add(.init(path: path, attributes: attributes(of: header, path)))
    let group = try GroupLinks(header, blocks)
    for flaw in group.flaws { contents.refusals.append(flaw.refusal(of: path, part: "its links")) }
    var places: [Place] = []
    var last: String?
    for link in group.links {
      let child = path.isEmpty ? link.name : path + "/" + link.name
      try blocks.charge(child.utf8.count)
      if link.name.isEmpty || link.name == "." || link.name.utf8.contains(UInt8(ascii: "/")) {
        refuse(child, "its name cannot be part of a path")
      } else if link.name == last {
        refuse(child, "another object of the group has the same name")
      } else {
        places.append(Place(path: child, link: link.target, depth: depth + 1))
      }
      last = link.name
    }
    pending += places.reversed()
  }

  private mutating func refuse(_ path: String, _ reason: String) {
    contents.refusals.append(.init(path: path, reason: reason, kind: .damage))
  }
}
