import AviaryArchives
import AviaryCheckpoints

/// Weights or data that are published under a name: a row of a table.
public struct PublishedEntry: Sendable, Equatable {
  /// Such as `resnet50-imagenet-v2`, or `data:mnist`.
  public let name: String
  /// A shorter name for it.
  public let alias: String?
  /// Its files.
  public let files: [PublishedFile]
  /// The network that weights are for; nil of data, and of weights that need a description of their own.
  public let architecture: String?
  /// What that network is built from, where it differs from the one of that name.
  public let configuration: JSONValue?
  /// The names of the outputs, or of a data set's classes.
  public let classes: [String]?
  /// How images are prepared, as checkpoints keep it.
  public let preprocessing: JSONValue?
  /// What the publisher says that the weights reach, by the name of the metric.
  public let metrics: [String: Double]
  /// Nil where the publisher does not say.
  public let licence: String?
  /// Where the figures are from.
  public let source: String?
  /// Of data: the file, the folder or the common beginning of files to read, below the folder of the files.
  public let place: String?
  /// Of data in an archive: the members to unpack.
  public let members: [String]
  /// Everything that the row says.
  public let row: JSONValue

  /// Whether it is data and not weights.
  public var isData: Bool { name.hasPrefix("data:") }

  /// Why a row is none.
  struct Fault: Swift.Error { let reason: String }

  /// - Parameter lists: lists of class names that rows name.
  init(_ row: JSONValue, lists: [String: [String]] = [:]) throws(Fault) {
    guard let name = row["name"]?.text, isPlainName(name.hasPrefix("data:") ? String(name.dropFirst(5)) : name) else {
      throw Fault(reason: "a row without a name")
    }
    func fault(_ reason: String) -> Fault { Fault(reason: "\(name.prefix(80)): \(reason)") }
    self.name = name
    alias = row["alias"]?.text
    guard alias.map(isPlainName) ?? true else { throw fault("its alias is not a name") }
    do throws(Fault) {
      if let files = row["files"]?.elements {
        self.files = try files.map { file throws(Fault) in try Self.file(file) }
      } else {
        files = [try Self.file(row)]
      }
    } catch { throw fault(error.reason) }
    guard !files.isEmpty, Set(files.map(\.name)).count == files.count else {
      throw fault("it has no files, or two of one name")
    }
    architecture = row["architecture"]?.text
    configuration = row["configuration"]
    switch row["classes"] {
    case nil: classes = nil
    case .text(let list)?: classes = lists[list]
    case let value?:
      guard let names = value.texts, !names.isEmpty else { throw fault("its classes are not a list of names") }
      classes = names
    }
    preprocessing =
      if row["mode"] != nil { try Self.kerasPreprocessing(row, fault) } else {
        try row["crop"] == nil ? nil : Self.preprocessing(row, fault)
      }
    var metrics: [String: Double] = [:]
    for (member, metric) in [("top1", "imagenet_top1_percent"), ("top5", "imagenet_top5_percent")] {
      if let value = row[member]?.double, value.isFinite { metrics[metric] = value }
    }
    self.metrics = metrics
    licence = row["licence"]?.text
    source = row["recipe"]?.text ?? row["source"]?.text
    place = row["place"]?.text
    guard place.map(HubName.isPath) ?? true else { throw fault("its place is not a path in its folder") }
    members = row["members"]?.texts ?? []
    guard members.allSatisfy(HubName.isPath), members.isEmpty || files.count == 1 else {
      throw fault("its members are not those of an archive")
    }
    self.row = row
  }

  private static func file(_ row: JSONValue) throws(Fault) -> PublishedFile {
    guard let addresses = row["urls"]?.texts ?? row["url"]?.text.map({ [$0] }), let first = addresses.first else {
      throw Fault(reason: "a file without an address")
    }
    let last = first.split(separator: "/").last.map(String.init) ?? ""
    guard isPlainName(row["file"]?.text ?? last) else { throw Fault(reason: "a file without a name") }
    let kinds: [(String, (String) -> PublishedHash)] = [
      ("sha256", PublishedHash.sha256), ("sha256_prefix", PublishedHash.sha256Prefix), ("md5", PublishedHash.md5),
    ]
    var hash: PublishedHash?
    for (member, make) in kinds where hash == nil {
      guard let digits = row[member] else { continue }
      guard let text = digits.text, let checked = PublishedHash.checked(make(text)) else {
        throw Fault(reason: "its \(member) is none")
      }
      hash = checked
    }
    let bytes = row["bytes"]?.integer
    guard bytes ?? 1 > 0 else { throw Fault(reason: "its size is none") }
    let rough = row["mib"]?.double.flatMap { $0 > 0 && $0 < 1e6 ? Int($0 * 1_048_576) : nil }
    return PublishedFile(row["file"]?.text ?? last, at: addresses, bytes: bytes, roughBytes: rough, hash: hash)
  }

  /// torchvision's evaluation transform: the shorter side, the crop, 0 to 1, mean and deviation.
  private static func preprocessing(_ row: JSONValue, _ fault: (String) -> Fault) throws(Fault) -> JSONValue {
    let sides = 1...8192
    guard let crop = row["crop"]?.integer, let resize = row["resize"]?.integer, sides.contains(crop),
      sides.contains(resize)
    else { throw fault("its crop and resize are not sizes in pixels") }
    func numbers(_ member: String, _ usual: [Double]) throws(Fault) -> [Double] {
      guard let value = row[member] else { return usual }
      let numbers = value.elements?.compactMap(\.double).filter(\.isFinite) ?? []
      guard numbers.count == 3, numbers.count == value.elements?.count else {
        throw fault("its \(member) is not three numbers")
      }
      return numbers
    }
    return HubPreprocessing(
      resize: .shorterSide(resize), crop: .square(crop), interpolation: row["interpolation"]?.text,
      mean: try numbers("mean", HubPreprocessing.imageNetMean),
      deviation: try numbers("std", HubPreprocessing.imageNetDeviation)
    ).json
  }

  /// What Keras's own `preprocess_input` does, by its mode. How images come to the size of the network Keras leaves to its
  /// users; here they are resized to it.
  private static func kerasPreprocessing(_ row: JSONValue, _ fault: (String) -> Fault) throws(Fault) -> JSONValue {
    guard let side = row["size"]?.integer, (1...8192).contains(side) else { throw fault("its size is not in pixels") }
    var result = HubPreprocessing(
      resize: .exact(.square(side)), crop: nil, scale: 1, mean: [0, 0, 0], deviation: [1, 1, 1])
    switch row["mode"]?.text {
    // The network itself begins with it.
    case "none": break
    case "tf": (result.scale, result.mean) = (1 / 127.5, [1, 1, 1])
    case "torch":
      result.scale = 1 / 255
      (result.mean, result.deviation) = (HubPreprocessing.imageNetMean, HubPreprocessing.imageNetDeviation)
    case "caffe":
      result.channels = "bgr"
      result.mean = [103.939, 116.779, 123.68]
    default: throw fault("its mode is not one of Keras's: none, tf, torch, caffe")
    }
    return result.json
  }

  /// What prediction needs to know beside the weights, as the file `config.json` beside them.
  package var card: JSONValue {
    var members: [JSONValue.Member] = []
    func add(_ name: String, _ value: JSONValue?) { if let value { members.append(.init(name, value)) } }
    add("file", (files.first?.name).map { .text($0) })
    add("architecture", architecture.map { .text($0) })
    add("configuration", configuration)
    add("classes", classes.map { .texts($0) })
    add("preprocessing", preprocessing)
    let metrics = metrics.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, .real($0.value)) }
    add("metrics", metrics.isEmpty ? nil : .object(metrics))
    add("licence", licence.map { .text($0) })
    add("provenance", .text(([name, files.first?.addresses.first].compactMap { $0 }).joined(separator: ", ")))
    return .object([.init("aviary", .object(members))])
  }
}
