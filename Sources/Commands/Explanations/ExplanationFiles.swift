import Aviary
import AviaryArchives
import AviaryExplanations
import AviaryPictures

/// Where explanations of images are written.
struct ExplanationFiles {
  let folder: String
  let method: ExplanationMethod
  let overwrite: OverwriteOptions
  private var known: Set<String> = []

  init(folder: String, method: ExplanationMethod, overwrite: OverwriteOptions) {
    self.folder = folder
    self.method = method
    self.overwrite = overwrite
  }

  /// The files of an image: its own name without the extension, the method, and a number where two images have one name.
  mutating func paths(for image: String) -> (picture: String, numbers: String) {
    let name = image.split(separator: "/").last.map(String.init) ?? image
    let stem = name.lastIndex(of: ".").map { $0 == name.startIndex ? name : String(name[..<$0]) } ?? name
    // A packed picture's number follows its file's name.
    let number = name.lastIndex(of: "#").map { String(name[$0...]) } ?? ""
    let base = stem.contains("#") ? stem : stem + number
    var unique = "\(base)-\(method.rawValue)"
    var count = 1
    while !known.insert(unique).inserted {
      count += 1
      unique = "\(base)-\(method.rawValue)-\(count)"
    }
    return ("\(folder)/\(unique).png", "\(folder)/\(unique).npz")
  }

  /// Writes both files, or says why they cannot be.
  func write(
    _ explanation: ImageExplanation, _ drawing: Drawing, to paths: (picture: String, numbers: String)
  ) throws {
    try FileSystem.createFolder(folder)
    try overwrite.check(paths.picture, for: .picture)
    try overwrite.check(paths.numbers, for: .arrays(["attributions", "map", "picture", "class"]))
    let picture = explanation.picture
    let size = [picture.height, picture.width]
    var arrays = Checkpoint()
    arrays.set(
      StoredArray(explanation.attributions.scalars, shape: explanation.attributions.shape), at: "attributions")
    arrays.set(StoredArray(explanation.map, shape: size), at: "map")
    if let bytes = StoredArray(dtype: .uint8, shape: size + [3], bytes: ByteRegion(picture.pixels)) {
      arrays.set(bytes, at: "picture")
    }
    arrays.set(StoredArray([Int64(explanation.output)], shape: []), at: "class")
    try arrays.write(to: paths.numbers)
    try drawing.write(to: paths.picture)
  }
}
