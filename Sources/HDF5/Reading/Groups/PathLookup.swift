/// Finds an object by its path, from group to group, by each group's own index: what else the file holds is not read.
struct PathLookup {
  /// How many soft links are followed on the way, as in libhdf5: more may form a circle.
  static let softLinkLimit = 16

  let root: UInt64
  let blocks: BlockReader

  /// Names between slashes; "." stands for the group itself.
  static func components(_ path: String) -> [String] {
    path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: Array($0), as: UTF8.self) }
      .filter { $0 != "." }
  }

  /// The address of the object header; `nil` where there is no such object. Soft links are followed.
  func address(of path: [String]) throws(Flaw) -> UInt64? {
    var address = root
    var names = Array(path.reversed())
    var followed = 0
    while let name = names.popLast() {
      let header = try ObjectHeader(at: address, blocks)
      guard header.isGroup, let link = try GroupIndex(header, blocks).link(name) else { return nil }
      switch link.target {
      case .hard(let target): address = target
      case .soft(let target):
        followed += 1
        guard followed <= Self.softLinkLimit else {
          throw .tooMany("soft links on one path", limit: Self.softLinkLimit)
        }
        try blocks.charge(target.utf8.count)
        if target.utf8.first == UInt8(ascii: "/") { address = root }
        names += Self.components(target).reversed()
      case .external, .userDefined: throw link.target.elsewhere
      }
    }
    return address
  }
}

extension Link.Target {
  /// Why a link is not followed.
  var elsewhere: Flaw {
    switch self {
    case .hard: .elsewhere("is a hard link")
    case .soft(let target): .elsewhere("is a soft link to '\(target)'")
    case .external(let file, let object): .followable("is an external link to '\(object)' in the file '\(file)'")
    case .userDefined(let kind): .elsewhere("is a link of kind \(kind), which programs define themselves")
    }
  }
}
