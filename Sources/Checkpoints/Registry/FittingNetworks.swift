import AviaryLayers

extension Registry {
  /// The most tensors of a file that networks are looked for.
  private static let tensorLimit = 20_000

  /// The names of the listed networks that the tensors of a checkpoint fit, each of its own name and shape, in the sizes that
  /// the shapes say; a head may be absent. No array is read.
  ///
  /// - Parameter limit: the most names.
  public func names(fitting checkpoint: Checkpoint, limit: Int = 3) -> [String] {
    guard checkpoint.kerasModel == nil, !checkpoint.entries.isEmpty, checkpoint.entries.count <= Self.tensorLimit,
      let named = checkpoint.format == .hdf5 ? try? checkpoint.dotted() : checkpoint
    else { return [] }
    let shapes = named.entries.map { ($0.path, $0.array.shape) }
    var names: [String] = []
    for architecture in architectures where !architecture.isToy && names.count < limit {
      if architecture.fits(shapes) { names.append(architecture.name) }
    }
    return names
  }
}

extension Architecture {
  /// Whether there are cells of exactly these paths and shapes in the network, apart from counters and an absent head.
  fileprivate func fits(_ tensors: [(String, [Int])]) -> Bool {
    let names = ownNames(tensors.map { $0.0 })
    let shapes = TensorShapes(
      tensors.map { path, shape in
        let name = names.first { path.utf8.starts(with: ($0.foreign + ".").utf8) }
        return (
          name.map { $0.own + String(decoding: path.utf8.dropFirst($0.foreign.utf8.count), as: UTF8.self) } ?? path,
          shape
        )
      })
    guard readsSizes(shapes), let model = try? build(SizedConfiguration(shapes: shapes)).model else { return false }
    let head = model.headPath + "."
    var (fitting, headCells, headFound) = (0, 0, 0)
    for cell in model.cellDescriptions {
      guard let shape = shapes[cell.path] else {
        if cell.role == .counter { continue }
        guard cell.path.hasPrefix(head) else { return false }
        headCells += 1
        continue
      }
      guard cell.role == .counter ? shape.reduce(1, *) == 1 : shape == cell.shape else { return false }
      if cell.path.hasPrefix(head) { (headCells, headFound) = (headCells + 1, headFound + 1) }
      fitting += 1
    }
    // All of a head or none of it, and more than a head.
    return fitting == tensors.count && fitting > headFound && (headFound == 0 || headFound == headCells)
  }
}
