import AviaryArchives
import AviaryHDF5
import AviaryHDF5Writing

extension Checkpoint {
  /// Writes Aviary's HDF5 file, durably.
  public func writeAviary(to path: String) throws(CheckpointFault) {
    try requireDistinctNames(path: path)
    try AviaryFile.check(paths, file: path)
    var items = [HDF5Item(path: "", attributes: metadata.attributes)]
    if !metadata.extra.isEmpty {
      let extra = metadata.extra.sorted { $0.key < $1.key }.map { HDF5Attribute($0.key, .text($0.value)) }
      items.append(HDF5Item(path: "extra", attributes: extra))
    }
    let order = HDF5Attribute("order", .text(JSONValue.texts(paths).serialized))
    items.append(HDF5Item(path: "model", attributes: [order]))
    items += try AviaryFile.settings(metadata.settings, file: path)
    for entry in entries {
      let location = "model/" + AviaryFile.location(entry.path)
      items.append(try AviaryFile.dataset(entry.array, at: location, tensor: entry.path, file: path))
    }
    if let trainingState { items += try trainingState.items(file: path) }
    do { try HDF5Writer.write(AviaryFile.withChecksums(items), to: path) } catch { throw .hdf5(error) }
  }
}

extension Checkpoint.TrainingState {
  fileprivate func items(file: String) throws(CheckpointFault) -> [HDF5Item] {
    var groups = optimizer
    for (parameter, average) in averages {
      groups["\(AviaryFile.averages).\(parameter)"] = Slots(step: 1, arrays: ["average": average])
    }
    for parameter in optimizer.keys.sorted() where parameter.split(separator: ".").first == AviaryFile.averages[...] {
      throw .forbiddenName(
        path: file, tensor: parameter, reason: "its optimizer state would lie among the averages of parameters")
    }
    let parameters = groups.sorted { $0.key < $1.key }
    try AviaryFile.check(parameters.map(\.key), file: file)
    var items = [HDF5Item(path: "optimizer")]
    for (parameter, slots) in parameters {
      let group = "optimizer/" + AviaryFile.location(parameter)
      items.append(HDF5Item(path: group, attributes: [HDF5Attribute("step", .integer(Int64(slots.step)))]))
      for (slot, array) in slots.arrays.sorted(by: { $0.key < $1.key }) {
        let tensor = "\(parameter).\(slot)"
        if slot.contains(".") {
          throw .forbiddenName(path: file, tensor: tensor, reason: "the name of a slot contains a dot")
        }
        try AviaryFile.check([tensor], file: file)
        items.append(try AviaryFile.dataset(array, at: group + "/" + slot, tensor: tensor, file: file))
      }
    }
    let state = state.map { [HDF5Attribute("state", .text($0.serialized))] } ?? []
    return items + [HDF5Item(path: "training", attributes: state)]
  }
}
