/// Objects by path, as `file["a/b/c"]` in h5py: names joined by slashes from the root group, with or without a slash in
/// front. Only the groups on the way are read. Soft links are followed within the file; what is not there, or is in
/// another file, is a fault.
extension HDF5Reader {
  /// The group, dataset or datatype at `path`.
  ///
  /// - Throws: `HDF5Fault.noObject` where there is none, `.leavesFile` where a link leads out of the file.
  public subscript(path: String) -> HDF5Object {
    get throws(HDF5Fault) { try object(path).object }
  }

  /// The dataset at `path`. Attributes that cannot be read are left out; `attributes(of:)` says why.
  ///
  /// - Throws: `HDF5Fault.noObject`, `.wrongKind` where the object is not a dataset.
  public func dataset(_ path: String) throws(HDF5Fault) -> HDF5Contents.Dataset {
    switch try self[path] {
    case .dataset(let dataset): return dataset
    case let other: throw .wrongKind(path: self.path, object: other.path, expected: "dataset", found: other.kind)
    }
  }

  /// The group at `path`; the root group at "" or "/". Attributes that cannot be read are left out.
  ///
  /// - Throws: `HDF5Fault.noObject`, `.wrongKind` where the object is not a group.
  public func group(_ path: String) throws(HDF5Fault) -> HDF5Contents.Group {
    switch try self[path] {
    case .group(let group): return group
    case let other: throw .wrongKind(path: self.path, object: other.path, expected: "group", found: other.kind)
    }
  }

  /// The attributes of the group, dataset or datatype at `path`, by name: `try file.attributes(of: "model")["order"]`.
  ///
  /// - Throws: `HDF5Fault.noObject`, and `.refused` where an attribute cannot be read.
  public func attributes(of path: String) throws(HDF5Fault) -> [HDF5Attribute] {
    let (object, flaws) = try object(path)
    if let (part, flaw) = flaws.first {
      let refusal = flaw.refusal(of: object.path, part: part)
      throw .refused(path: self.path, object: object.path, reason: refusal.reason)
    }
    return object.attributes
  }

  /// The names in the group at `path`, sorted by their bytes: what can follow it in a path.
  ///
  /// - Throws: `HDF5Fault.noObject`, `.wrongKind` where the object is not a group, `.damaged` where names are lost.
  public func names(in path: String = "") throws(HDF5Fault) -> [String] {
    let group = try group(path).path
    do throws(Flaw) {
      let blocks = BlockReader(image)
      guard let address = try PathLookup(root: root, blocks: blocks).address(of: PathLookup.components(group)) else {
        return []
      }
      let list = try GroupLinks(try ObjectHeader(at: address, blocks), blocks)
      if let flaw = list.flaws.first { throw flaw }
      return list.links.map(\.name)
    } catch {
      throw error.fault(path: self.path, object: group.isEmpty ? "the root group" : group)
    }
  }

  /// What a reference refers to: the path of an object, with a slash in front; in words where that is not known.
  package func target(ofReference bytes: [UInt8], _ kind: Datatype.ReferenceKind) -> String {
    guard bytes.contains(where: { $0 != 0 }) else { return "null" }
    let address = bytes.prefix(image.sizeOfOffsets).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard kind == .object, let path = contents.paths[address] else { return "\(kind) reference" }
    return "/" + path
  }

  private func object(_ path: String) throws(HDF5Fault) -> (object: HDF5Object, flaws: [(part: String, flaw: Flaw)]) {
    let names = PathLookup.components(path)
    let path = names.joined(separator: "/")
    do throws(Flaw) {
      let blocks = BlockReader(image)
      let address = try PathLookup(root: root, blocks: blocks).address(of: names)
      guard let address else { throw .absent }
      switch try ParsedObject(at: address, blocks) {
      case .group(let header):
        let attributes = ObjectAttributes(header, blocks)
        return (.group(.init(path: path, attributes: attributes.attributes)), attributes.flaws)
      case .dataset(let dataset, let attributes):
        return (.dataset(.init(path, dataset, attributes.attributes, image)), attributes.flaws)
      case .namedDatatype(let type, let attributes):
        let named = HDF5Contents.NamedDatatype(path: path, attributes: attributes.attributes, datatype: type)
        return (.namedDatatype(named), attributes.flaws)
      }
    } catch {
      throw error.fault(path: self.path, object: path.isEmpty ? "the root group" : path)
    }
  }
}

/// What a path leads to.
public enum HDF5Object: Sendable {
  /// A group.
  case group(HDF5Contents.Group)
  /// A dataset.
  case dataset(HDF5Contents.Dataset)
  /// A named datatype.
  case namedDatatype(HDF5Contents.NamedDatatype)

  /// Names from the root, joined by slashes; empty for the root.
  public var path: String {
    switch self {
    case .group(let group): group.path
    case .dataset(let dataset): dataset.path
    case .namedDatatype(let type): type.path
    }
  }

  /// Its attributes, by name.
  public var attributes: [HDF5Attribute] {
    switch self {
    case .group(let group): group.attributes
    case .dataset(let dataset): dataset.attributes
    case .namedDatatype(let type): type.attributes
    }
  }

  var kind: String {
    switch self {
    case .group: "group"
    case .dataset: "dataset"
    case .namedDatatype: "named datatype"
    }
  }
}
