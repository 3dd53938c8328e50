import AviaryArchives
import AviaryHDF5
import AviaryHDF5Writing
import AviaryTensors
import Foundation
import Testing

@testable import AviaryCheckpoints

/// What `Weights/FORMAT.md` says of attributes, names and types holds of files.
@Suite struct FormatClaimsTests {
  /// A row of the page's first table that is of attributes.
  struct Claim: Sendable, CustomTestStringConvertible {
    let group: String
    let name: String
    let type: String
    let isRequired: Bool
    var testDescription: String { "\(group) \(name)" }
  }

  static let claims: [Claim] = {
    let lines = FormatPageTests.page.split(separator: "\n").drop { !$0.hasPrefix("| location |") }.dropFirst(2)
    return lines.prefix { $0.hasPrefix("|") }.flatMap { line in
      let columns = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().map { column in
        column.trimmingCharacters(in: .whitespaces)
      }
      return columns[1].split(separator: ",").map { name in
        let location = columns[0].filter { $0 != "`" }
        let group = location.replacing("<path>", with: "a/weight").replacing("<layer>", with: "a")
        return Claim(
          group: String(group.dropFirst()), name: name.filter { $0 != "`" && $0 != " " }, type: columns[2],
          isRequired: columns[3] == "yes" || columns[3].hasPrefix("with "))
      }
    }.filter { $0.name != "anyname" }
  }()

  /// A checkpoint with everything that the page names.
  static func example() -> Checkpoint {
    var checkpoint = Checkpoint()
    checkpoint.metadata.architecture = "mlp"
    checkpoint.metadata.configuration = .members(["width": .integer(3)])
    checkpoint.metadata.preprocessing = .members(["text": .members(["unit": .text("character")])])
    checkpoint.metadata.metrics = ["accuracy": 0.5]
    checkpoint.metadata.classes = ["cat", "dog"]
    checkpoint.metadata.licence = "CC0-1.0"
    checkpoint.metadata.provenance = "somewhere"
    checkpoint.metadata.frozen = ["a"]
    checkpoint.metadata.extra = ["note": "x"]
    checkpoint.metadata.settings = ["a.epsilon": 1e-5, "a.momentum": 0.1]
    checkpoint.set(StoredArray([1, 2] as [Float], shape: [2]), at: "a.weight")
    checkpoint.set(StoredArray([3] as [Float], shape: [1]), at: "a.bias")
    let slot = StoredArray([1, 2] as [Float], shape: [2])
    checkpoint.trainingState = .init(
      optimizer: ["a.weight": .init(step: 3, arrays: ["momentum": slot])], averages: ["a.weight": slot],
      state: .members(["epoch": .integer(1)]))
    return checkpoint
  }

  /// Writes a checkpoint, lets `change` have its parts, and reads what they make.
  private func read(
    _ checkpoint: Checkpoint = example(), options: Checkpoint.ReadOptions = .init(),
    _ change: (inout [HDF5Item]) throws -> Void = { _ in }
  ) throws -> Checkpoint {
    try Fixtures.inFolder { folder in
      try checkpoint.write(to: folder + "/x.h5")
      let reader = try HDF5Reader(path: folder + "/x.h5", map: false)
      var items = reader.contents.groups.map { HDF5Item(path: $0.path, attributes: $0.attributes) }
      for dataset in reader.contents.datasets {
        let content = HDF5Item.Content.dataset(
          type: dataset.type, shape: dataset.shape, bytes: try reader.bytes(of: dataset))
        items.append(HDF5Item(path: dataset.path, attributes: dataset.attributes, content: content))
      }
      try change(&items)
      try HDF5Writer.write(items, to: folder + "/y.h5")
      return try Checkpoint.read(from: folder + "/y.h5", options: options)
    }
  }

  /// Replaces an attribute, or removes it where `value` is nil.
  private func set(_ name: String, _ value: HDF5Value?, at path: String, _ items: inout [HDF5Item]) throws {
    let place = try #require(items.firstIndex { $0.path == path }, "\(path)")
    let item = items[place]
    let attributes = item.attributes.filter { $0.name != name } + (value.map { [HDF5Attribute(name, $0)] } ?? [])
    items[place] = HDF5Item(path: path, attributes: attributes, content: item.content)
  }

  /// What a file is refused for.
  private func refusal(_ change: (inout [HDF5Item]) throws -> Void) throws -> String? {
    do {
      _ = try read(Self.example(), change)
      return nil
    } catch let fault as CheckpointFault { return fault.description }
  }

  @Test func thePageNamesWhatIsWritten() throws {
    #expect(Self.claims.count > 15)
    let contents = try Fixtures.inFolder { folder in
      try Self.example().write(to: folder + "/x.h5")
      return try HDF5Reader(path: folder + "/x.h5", map: false).contents
    }
    for group in contents.groups where group.path != "extra" {
      for attribute in group.attributes {
        #expect(Self.claims.contains { $0.group == group.path && $0.name == attribute.name }, "\(attribute.name)")
      }
    }
    for claim in Self.claims where !claim.name.isEmpty {
      #expect(contents.attributes(ofGroup: claim.group)?[claim.name] != nil, "\(claim)")
    }
  }

  @Test(arguments: claims.filter { !$0.name.isEmpty })
  func whatIsRequiredIsMissedAndNothingElse(claim: Claim) throws {
    let fault = try refusal { try set(claim.name, nil, at: claim.group, &$0) }
    if claim.name == "format" {
      // Without it the file is not an Aviary file, but any HDF5.
      #expect(try read(Self.example()) { try set("format", nil, at: "", &$0) }.format != .aviary)
    } else {
      #expect((fault != nil) == claim.isRequired, "\(fault ?? "it was read")")
      #expect(fault?.contains("'\(claim.name)'") ?? true, "\(fault ?? "")")
      #expect(fault?.contains("\n") != true)
    }
  }

  @Test(arguments: claims.filter { !$0.name.isEmpty && $0.name != "format" })
  func anotherTypeIsRefused(claim: Claim) throws {
    let isNumber = claim.type.hasPrefix("int64") || claim.type.hasPrefix("float64")
    var others: [HDF5Value] = isNumber ? [.text("one")] : [.real(1.5)]
    if claim.type.hasPrefix("JSON") { others.append(.text("{")) }
    if claim.type.hasPrefix("JSON array") || claim.type.hasPrefix("JSON object of numbers") {
      others.append(.text("3"))
    }
    for other in others {
      let fault = try #require(try refusal { try set(claim.name, other, at: claim.group, &$0) }, "\(claim) \(other)")
      #expect(fault.contains(claim.name), "\(fault)")
    }
  }

  @Test func defaultsAreThoseOfThePage() throws {
    let bare = try read { items in
      let known = items
      for item in known where item.content.isGroup {
        for name in item.attributes.map(\.name) where !["format", "format_version", "step"].contains(name) {
          try set(name, nil, at: item.path, &items)
        }
      }
    }
    var expected = Checkpoint.Metadata()
    expected.headAbsent = false
    #expect(bare.metadata == expected && bare.metadata.frozen.isEmpty && bare.metadata.metrics.isEmpty)
    #expect(Set(bare.paths) == ["a.weight", "a.bias"] && bare.trainingState?.state == nil)
    #expect(try read().paths == ["a.weight", "a.bias"], "in the model's order, not the file's")
    // A list of texts of HDF5's own serves as well as JSON.
    let texts = try read { try set("classes", .texts(["x", "y", "z"]), at: "", &$0) }
    #expect(texts.metadata.classes == ["x", "y", "z"])
  }

  @Test func datasetsHaveTheirAttributes() throws {
    let place = "model/a/weight"
    let without: (inout [HDF5Item]) throws -> Void = { try set("crc32c", nil, at: place, &$0) }
    #expect(try refusal(without)?.contains("checksum") == true)
    #expect(try read(Self.example(), options: .init(verify: false), without)["a.weight"]?.floats() == [1, 2])
    #expect(try refusal { try set("crc32c", .integer(7), at: place, &$0) }?.contains("CRC-32C") == true)
  }

  @Test func unknownNumbersAttributesAndGroupsAreIgnored() throws {
    let checkpoint = try read { items in
      try set("note", .real(1), at: "model/a", &items)
      try set("count", .integer(4), at: "model/a", &items)
      try set("words", .text("x"), at: "model/a", &items)
      try set("mood", .text("good"), at: "", &items)
      try set("unit", .text("mm"), at: "model/a/weight", &items)
      items.append(HDF5Item(path: "future", attributes: [HDF5Attribute("x", .text("y"))]))
    }
    #expect(checkpoint.metadata.settings["a.note"] == 1 && checkpoint.metadata.settings["a.count"] == 4)
    let cells: [CellDescription] = [
      .init(path: "a.weight", shape: [2], role: .parameter), .init(path: "a.bias", shape: [1], role: .parameter),
    ]
    let own: [SettingDescription] = [
      .init(path: "a.epsilon", allowed: 0...1), .init(path: "a.momentum", allowed: 0...1),
    ]
    let match = try checkpoint.match(cells: cells, settings: own)
    #expect(match.settings == ["a.epsilon": 1e-5, "a.momentum": 0.1])
    #expect(match.report.ignoredSettings == ["a.note": 1, "a.count": 4])
    #expect(match.report.description.contains("'a.count', 'a.note'"))
    // An epsilon of no layer, and a value that is not possible, are of another network.
    #expect(throws: CheckpointFault.badSetting(path: "checkpoint", setting: "a.momentum", value: 0.1)) {
      try checkpoint.match(cells: cells, settings: [own[0]])
    }
    #expect(throws: Never.self) {
      try checkpoint.match(cells: cells, settings: [own[0]], allowing: [.unexpected("a.momentum")])
    }
    var impossible = checkpoint
    impossible.metadata.settings["a.epsilon"] = 2
    #expect(throws: CheckpointFault.badSetting(path: "checkpoint", setting: "a.epsilon", value: 2)) {
      try impossible.match(cells: cells, settings: own)
    }
  }

  @Test func namesNeedNotBeIdentifiers() throws {
    let names = [
      "features.denseblock1.denselayer1.conv1.weight", "Mixed_5b.branch1x1.bn.running_mean",
      "layers.encoder_layer_0.0.bias", "a-b.c+d:0.größe", "0.1",
    ]
    var checkpoint = Checkpoint()
    for (place, name) in names.enumerated() {
      checkpoint.set(StoredArray([Float(place)], shape: [1]), at: name)
      if place < 3 { #expect(FormatPageTests.page.contains(name), "\(name)") }
    }
    let found = try read(checkpoint)
    #expect(found.paths == names && found["0.1"]?.floats() == [4])
  }

  @Test func oneNameForTwoTensorsIsRefusedWithBoth() throws {
    var checkpoint = Self.example()
    checkpoint.append(StoredArray([5] as [Int64], shape: []), at: "a.weight")
    #expect(checkpoint["a.weight"]?.floats() == [1, 2])
    for name in ["x.h5", "x.safetensors", "x.pth", "x.npz"] {
      let fault = CheckpointFault.sameName(path: name, name: "a.weight", first: "float32 [2]", second: "int64 []")
      #expect(throws: fault) { try checkpoint.write(to: name) }
      for part in ["a.weight", "float32 [2]", "int64 []"] { #expect(fault.description.contains(part)) }
    }
    var settings = Self.example()
    settings.append(setting: 0.5, at: "a.epsilon")
    #expect(throws: CheckpointFault.sameName(path: "x.h5", name: "a.epsilon", first: "1e-05", second: "0.5")) {
      try settings.write(to: "x.h5")
    }
  }

  @Test func namesThatAreOneToSwiftAreTwo() throws {
    // Composed and decomposed.
    var spelled = Checkpoint()
    spelled.set(StoredArray([1] as [Float], shape: [1]), at: "caf\u{e9}.weight")
    let found = try read(spelled) { items in
      let item = try #require(items.first { $0.path.hasSuffix("weight") })
      items.append(
        HDF5Item(path: "model/cafe\u{301}/weight", attributes: item.attributes, content: item.content))
    }
    #expect(found.entries.count == 2)
    for name in ["caf\u{e9}.weight", "cafe\u{301}.weight"] { #expect(found[name]?.floats() == [1]) }
  }

  @Test func theReadersOtherRefusals() throws {
    func order(_ text: String) throws -> String? { try refusal { try set("order", .text(text), at: "model", &$0) } }
    #expect(try order(#"["a.weight","a.weight"]"#)?.contains("lists 'a.weight' twice") == true)
    #expect(try order(#"["a.weight","b"]"#)?.contains("'b'") == true)
    #expect(try order(#"["a.bias"]"#) == nil)
    #expect(try read { try set("order", .text(#"["a.bias"]"#), at: "model", &$0) }.paths == ["a.bias", "a.weight"])
    #expect(try refusal { try set("format_version", .integer(2), at: "", &$0) }?.contains("version 2") == true)
    #expect(try refusal { try set("format_version", .integer(0), at: "", &$0) }?.contains("format_version") == true)
    #expect(try refusal { try set("head", .text("maybe"), at: "", &$0) }?.contains("'head'") == true)
    #expect(try refusal { $0.removeAll { $0.path.hasPrefix("model") } }?.contains("/model") == true)
    #expect(
      try refusal { $0.removeAll { $0.path == "optimizer/weight-average/a/weight/average" } }?.contains("average")
        == true)
    var reserved = Self.example()
    reserved.trainingState?.optimizer["weight-average.x"] = .init(step: 1, arrays: [:])
    #expect(throws: CheckpointFault.self) { try reserved.write(to: "x.h5") }
  }

  @Test func metricsAreNumbers() throws {
    let checkpoint = try read {
      try set("metrics", .text(#"{"accuracy":0.25,"loss":null,"data":"test"}"#), at: "", &$0)
    }
    #expect(checkpoint.metadata.metrics == ["accuracy": 0.25])
    #expect(checkpoint.metadata.extra == ["note": "x", "metrics.data": "test"])
  }

  @Test func everyTypeOfThePageIsStoredAsSuch() throws {
    let named: [Dtype] = [.float64, .float32, .float16]
    #expect(named.allSatisfy { FormatPageTests.page.contains($0.rawValue) })
    let integers: [Dtype] = [.int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64]
    var checkpoint = Checkpoint()
    for dtype in named + integers + [.bool, .bfloat16] {
      let bytes = ByteRegion([UInt8](repeating: 1, count: 2 * dtype.size))
      checkpoint.set(try #require(StoredArray(dtype: dtype, shape: [2], bytes: bytes)), at: "t.\(dtype.rawValue)")
    }
    let found = try read(checkpoint)
    for entry in checkpoint.entries {
      #expect(found[entry.path]?.dtype == entry.array.dtype, "\(entry.path)")
      #expect(found[entry.path]?.bytes.array() == entry.array.bytes.array(), "\(entry.path)")
    }
  }

  @Test func statisticsStayFloat32InACastAndKeepTheirTypeElsewhere() throws {
    var checkpoint = Checkpoint()
    for name in ["running_mean", "running_var"] {
      checkpoint.set(StoredArray([0.5, 2] as [Double], shape: [2]), at: "bn.\(name)")
    }
    #expect(try read(checkpoint).entries.allSatisfy { $0.array.dtype == .float64 })
    for dtype in [Dtype.float16, .bfloat16] {
      #expect(try read(checkpoint.cast(to: dtype)).entries.allSatisfy { $0.array.dtype == .float32 })
    }
    let cells = checkpoint.paths.map { CellDescription(path: $0, shape: [2], role: .buffer) }
    #expect(try checkpoint.match(cells: cells).report.loaded.count == 2)
  }
}

extension HDF5Item.Content {
  fileprivate var isGroup: Bool { if case .group = self { true } else { false } }
}
