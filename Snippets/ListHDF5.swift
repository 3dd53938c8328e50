import AviaryHDF5

// Lists what an HDF5 file holds. With a dataset's path after the file, reads that dataset alone: its attributes, and the
// first rows.
//
//     ListHDF5 model.h5
//     ListHDF5 model.h5 model/conv1/weight
let arguments = CommandLine.arguments.dropFirst()
guard let path = arguments.first else { fatalError("usage: ListHDF5 FILE [DATASET]") }
let file = try HDF5Reader(path: path)

if let name = arguments.dropFirst().first {
  // Looked up as file["a/b/c"] in h5py: nothing else of the file is read.
  let dataset = try file.dataset(name)
  print(dataset.path, dataset.datatype, dataset.shape)
  for attribute in dataset.attributes { print("  \(attribute.name): \(attribute.value)") }

  // A hyperslab: the first three rows, every second element of the last axis. Only the chunks that it touches are unpacked.
  var slices = dataset.shape.map { HDF5Slice(0..<min(3, $0)) }
  if let last = dataset.shape.last { slices[slices.count - 1] = HDF5Slice(0..<last, by: 2) }
  print(try file.values(of: dataset, at: slices))
} else {
  for dataset in file.contents.datasets { print(dataset.path, dataset.datatype, dataset.shape) }
  // Damaged parts, links and features that are not supported; the rest was read.
  for refusal in file.contents.refusals { print("\(refusal.path): \(refusal.reason)") }
}
