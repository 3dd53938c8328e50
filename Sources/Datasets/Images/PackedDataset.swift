import AviaryArchives

/// Pictures for training and test that lie packed in a few files: a folder of IDX files, as MNIST and its likes come, or
/// of CIFAR's binary files. The files may be compressed by gzip.
///
/// Classes are named by a file in the folder, one name a line (`classes.txt`, `batches.meta.txt`,
/// `fine_label_names.txt`), or else by their numbers.
public struct PackedDataset: Sendable, Equatable {
  /// In words: `IDX files` or `CIFAR's binary files`.
  public let format: String
  /// The images for training.
  public private(set) var training: ImageFolder
  /// Those for one score at the end; nil where none are held out.
  public private(set) var test: ImageFolder?
  /// Whether the classes have names of their own, not only numbers.
  public private(set) var namesClasses: Bool

  /// Nil where the folder holds no such files.
  ///
  /// - Parameters:
  ///   - classes: names for the classes in the order of their numbers, instead of those in the folder.
  ///   - limit: the most pictures a class, in each part.
  public init?(_ path: String, classes given: [String]? = nil, limit: Int? = nil) throws(ImageFolderFault) {
    let names = (try? FileSystem.names(in: path)) ?? []
    let parts: (format: String, training: [LabeledFile], test: [LabeledFile])
    if let found = try Self.idx(path, names) {
      parts = ("IDX files", [found.training], found.test.map { [$0] } ?? [])
    } else if let found = try Self.cifar(path, names) {
      parts = ("CIFAR's binary files", found.training, found.test)
    } else {
      return nil
    }
    guard let first = parts.training.first, parts.training.contains(where: { !$0.labels.isEmpty }) else {
      throw .malformed(path: path, reason: "it has no images")
    }
    for part in parts.training + parts.test
    where part.images.size != first.images.size || part.images.channels != first.images.channels {
      throw .malformed(path: part.images.path, reason: "its pictures are not like those of \(first.images.path)")
    }
    let highest = (parts.training + parts.test).flatMap(\.labels).max() ?? 0
    let named = try Self.classNames(path, names)
    if let given, given.count != named?.count ?? Int(highest) + 1 {
      throw .classCount(path: path, names: given.count, classes: named?.count ?? Int(highest) + 1)
    }
    let classes = given ?? named ?? (0...Int(highest)).map(String.init)
    guard Int(highest) < classes.count else {
      throw .malformed(path: path, reason: "the class \(highest) has no name: there are \(classes.count) names")
    }
    func folder(_ files: [LabeledFile]) -> ImageFolder {
      var counts = Array(repeating: 0, count: classes.count)
      var entries: [ImageEntry] = []
      for file in files {
        for (index, label) in file.labels.enumerated() where counts[Int(label)] < limit ?? .max {
          counts[Int(label)] += 1
          entries.append(ImageEntry(file.images, index, label: Int(label)))
        }
      }
      return ImageFolder(classes: classes, entries: entries)
    }
    format = parts.format
    namesClasses = given != nil || named != nil
    training = folder(parts.training)
    test = parts.test.isEmpty ? nil : folder(parts.test)
  }

  /// The same with other names for the classes.
  ///
  /// - Precondition: there is a name for each class.
  public func naming(_ names: [String]) -> PackedDataset {
    var result = self
    result.training = ImageFolder(classes: names, entries: training.entries)
    result.test = test.map { ImageFolder(classes: names, entries: $0.entries) }
    result.namesClasses = true
    return result
  }

  /// Whether a folder holds such files, judged by their names alone.
  public static func isPresent(at path: String) -> Bool {
    let names = (try? FileSystem.names(in: path)) ?? []
    return names.contains { $0.hasPrefix("data_batch_") || $0.hasPrefix("fine_label_") }
      || !idxSets(names, "train", "images-idx3").isEmpty
  }

  /// Pictures and the number of each one's class.
  struct LabeledFile {
    let images: PackedImages
    let labels: [UInt8]
  }

  // MARK: IDX

  private static func idx(
    _ path: String, _ names: [String]
  ) throws(ImageFolderFault) -> (training: LabeledFile, test: LabeledFile?)? {
    let sets = idxSets(names, "train", "images-idx3")
    // Without one of the plain name, as EMNIST comes: `emnist-letters-train-images-idx3-ubyte`.
    guard let set = sets.contains("") ? "" : sets.first else { return nil }
    if set != "", sets.count > 1 { throw .severalSets(path: path, names: sets) }
    func file(_ part: String, _ kind: String) -> String? {
      names.first { idxSet($0, part, kind) == set }.map { path + "/" + $0 }
    }
    guard let images = file("train", "images-idx3") else { return nil }
    guard let labels = file("train", "labels-idx1") else {
      throw .missing(path: path, name: "train-labels-idx1-ubyte")
    }
    let training = try IDXFile.labeled(images: images, labels: labels)
    guard let images = file("t10k", "images-idx3") ?? file("test", "images-idx3") else { return (training, nil) }
    guard let labels = file("t10k", "labels-idx1") ?? file("test", "labels-idx1") else {
      throw .missing(path: path, name: "t10k-labels-idx1-ubyte")
    }
    return (training, try IDXFile.labeled(images: images, labels: labels))
  }

  /// What stands before the usual name of an IDX file; nil of another file.
  private static func idxSet(_ name: String, _ part: String, _ kind: String) -> String? {
    let plain = name.hasSuffix(".gz") ? name.dropLast(3) : name[...]
    for usual in ["\(part)-\(kind)-ubyte", "\(part)-\(kind.replacing("-", with: "."))-ubyte"] {
      if plain == usual { return "" }
      if plain.hasSuffix("-" + usual) { return String(plain.dropLast(usual.count + 1)) }
    }
    return nil
  }

  private static func idxSets(_ names: [String], _ part: String, _ kind: String) -> [String] {
    Set(names.compactMap { idxSet($0, part, kind) }).sorted()
  }

  // MARK: CIFAR

  private static func cifar(
    _ path: String, _ names: [String]
  ) throws(ImageFolderFault) -> (training: [LabeledFile], test: [LabeledFile])? {
    func files(_ prefix: String) -> [String] {
      names.filter { $0.hasPrefix(prefix) && ($0.hasSuffix(".bin") || $0.hasSuffix(".bin.gz")) }.map { path + "/" + $0 }
    }
    // CIFAR-10 has a byte for the class before each picture, CIFAR-100 one for the coarse and one for the fine class.
    let batches = files("data_batch_")
    let isFine = batches.isEmpty && names.contains { $0.hasPrefix("fine_label_names") }
    let training = isFine ? files("train") : batches
    guard !training.isEmpty else {
      func areFiles(_ wanted: String...) -> Bool {
        wanted.allSatisfy { names.contains($0) && FileSystem.status(path + "/" + $0)?.kind == .file }
      }
      if areFiles("data_batch_1") || areFiles("train", "test", "meta") { throw .pickledCIFAR(path: path) }
      return nil
    }
    func read(_ files: [String]) throws(ImageFolderFault) -> [LabeledFile] {
      var found: [LabeledFile] = []
      for file in files { found.append(try records(file, labelBytes: isFine ? 2 : 1)) }
      return found
    }
    return (try read(training), try read(isFine ? files("test") : files("test_batch")))
  }

  static func records(_ path: String, labelBytes: Int) throws(ImageFolderFault) -> LabeledFile {
    let bytes = try IDXFile.content(path)
    let record = labelBytes + 3 * 32 * 32
    guard bytes.count > 0, bytes.count % record == 0 else {
      throw .malformed(path: path, reason: "\(bytes.count) bytes are not a multiple of a record's \(record)")
    }
    let count = bytes.count / record
    let labels = (0..<count).map { bytes[$0 * record + labelBytes - 1] }
    return LabeledFile(
      images: PackedImages(
        path: path, bytes: bytes, size: .square(32), channels: 3, count: count, start: labelBytes, stride: record),
      labels: labels)
  }

  private static func classNames(_ path: String, _ names: [String]) throws(ImageFolderFault) -> [String]? {
    let known = ["classes.txt", "batches.meta.txt", "fine_label_names.txt"]
    guard let name = known.first(where: names.contains) else { return nil }
    let bytes = try IDXFile.content(path + "/" + name)
    guard let text = TextEncoding.text(bytes.array()) else {
      throw .malformed(path: path + "/" + name, reason: "it is not UTF-8")
    }
    let lines = text.split(whereSeparator: \.isNewline)
      .map {
        String($0.trimmingPrefix(while: \.isWhitespace).reversed().trimmingPrefix(while: \.isWhitespace).reversed())
      }
      .filter { !$0.isEmpty }
    guard Set(lines).count == lines.count, !lines.isEmpty else {
      throw .malformed(path: path + "/" + name, reason: "it has no class names, or one twice")
    }
    return lines
  }
}
