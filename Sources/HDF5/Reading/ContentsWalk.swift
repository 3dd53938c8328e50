import AviaryDiagnostics

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
  /// The refusals of soft links, which are followed when everything else is known.
  private var softLinks: [Int] = []

  private init(_ blocks: BlockReader) { self.blocks = blocks }

  static func contents(root: UInt64, _ blocks: BlockReader) -> HDF5Contents {
    var walk = ContentsWalk(blocks)
    walk.pending = [Place(path: "", link: .hard(root), depth: 0)]
    while let place = walk.pending.popLast() {
      do throws(Flaw) { try walk.visit(place) } catch {
        if case .soft = place.link { walk.softLinks.append(walk.contents.refusals.count) }
        if case .external(let file, let object) = place.link {
          walk.contents.externalLinks.append(.init(path: place.path, file: file, object: object))
        }
        walk.contents.refusals.append(error.refusal(of: place.path))
      }
    }
    if let flaw = blocks.image.advisoryFlaw {
      walk.contents.refusals.append(flaw.refusal(of: "", part: "the superblock", losesData: false))
    }
    walk.followSoftLinks(from: root)
    return walk.contents
  }

  private mutating func visit(_ place: Place) throws(Flaw) {
    switch place.link {
    case .soft, .external, .userDefined: throw place.link.elsewhere
    case .hard(let address):
      guard contents.groups.count + contents.datasets.count + contents.namedDatatypes.count < Self.objectLimit else {
        throw .tooMany("objects", limit: Self.objectLimit)
      }
      if visited.contains(address) {
        let flaw = Flaw.elsewhere("is another name of a group listed already")
        contents.refusals.append(flaw.refusal(of: place.path, losesData: false))
        return
      }
      let found: Object
      if let object = known[address] {
        found = object
      } else {
        found = try object(at: address, place)
        contents.paths[address] = place.path
      }
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

  /// Lists the datasets that soft links within the file lead to. A group that one leads to is listed under its own name.
  private mutating func followSoftLinks(from root: UInt64) {
    let lookup = PathLookup(root: root, blocks: blocks)
    for index in softLinks {
      let path = contents.refusals[index].path
      do throws(Flaw) {
        guard contents.datasets.count + contents.linkedDatasets.count < Self.objectLimit else {
          throw .tooMany("objects", limit: Self.objectLimit)
        }
        guard let address = try lookup.address(of: PathLookup.components(path)) else { continue }
        // What the walk has not read is damaged, and refused under its own name.
        if case .dataset(let dataset, let attributes) = known[address] {
          contents.linkedDatasets.append(.init(path, dataset, attributes, blocks.image))
        } else if known[address] == nil && !visited.contains(address) {
          continue
        }
        contents.refusals[index].losesData = false
      } catch {
        // A link out of the file, or a circle.
        continue
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
    for (part, flaw) in found.flaws { contents.refusals.append(flaw.refusal(of: path, part: part, losesData: false)) }
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
      } else if last?.isExactly(link.name) == true {
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
