import AviaryHDF5

// Lists what an HDF5 file holds, and the first numbers of every Float32 dataset.
for path in CommandLine.arguments.dropFirst() {
  let reader = try HDF5Reader(path: path)
  for dataset in reader.contents.datasets {
    print(dataset.path, dataset.datatype, dataset.shape)
    for attribute in dataset.attributes { print("  \(attribute.name): \(attribute.value)") }
    if dataset.type == .float(bytes: 4) {
      print(try reader.bytes(of: dataset).mapValues(of: Float.self) { $0 }.prefix(5))
    }
  }
  // Damaged parts, links and features that are not supported; the rest was read.
  for refusal in reader.contents.refusals { print("\(refusal.path): \(refusal.reason)") }
}
