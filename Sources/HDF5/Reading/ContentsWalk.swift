/// Lists the contents of a file, depth first and by name, with an explicit stack. What cannot be read becomes a refusal.
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
  /// Groups that are listed already: hard links may form a circle.
  private var visited: Set<UInt64> = []
  /// Objects other than groups, which may have several names.
  private var known: [UInt64: Object] = [:]
  private var pending: [Place] = []

  private init(_ blocks: BlockReader) { self.blocks = blocks }

  static func contents(root: UInt64, _ blocks: BlockReader) -> HDF5Contents {
    var walk = ContentsWalk(blocks)
    walk.pending = [Place(path: "", link: .hard(root), depth: 0)]
    while let place = walk.pending.popLast() {
      do throws(Flaw) { try walk.visit(place) } catch {
        walk.contents.refusals.append(error.refusal(of: place.path))
      }
    }
    return walk.contents
  }

  private mutating func visit(_ place: Place) throws(Flaw) {
    switch place.link {
    case .soft, .external, .userDefined: throw place.link.elsewhere
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
        contents.datasets.append(.init(place.path, dataset, attributes, blocks.image))
      case .namedDatatype(let type, let attributes):
        contents.namedDatatypes.append(.init(path: place.path, attributes: attributes, datatype: type))
      }
    }
  }

  private mutating func object(at address: UInt64, _ place: Place) throws(Flaw) -> Object {
    let object: Object
    switch try ParsedObject(at: address, blocks) {
    case .group(let header): return .group(header)
    case .dataset(let dataset, let found): object = .dataset(dataset, attributes(found, place.path))
    case .namedDatatype(let type, let found): object = .namedDatatype(type, attributes(found, place.path))
    }
    known[address] = object
    return object
  }

  private mutating func attributes(_ found: ObjectAttributes, _ path: String) -> [HDF5Attribute] {
    for (part, flaw) in found.flaws { contents.refusals.append(flaw.refusal(of: path, part: part)) }
    return found.attributes
  }

  private mutating func list(_ header: ObjectHeader, path: String, depth: Int) throws(Flaw) {
    contents.add(.init(path: path, attributes: attributes(ObjectAttributes(header, blocks), path)))
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
