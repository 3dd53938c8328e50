import AviaryArchives
import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

/// Configurations: which there are, what they accept, and what follows from them.
@Suite struct ZooConfigurationTests {
  static let refused: [(architecture: String, configuration: String, name: String)] = [
    ("resnet18", #"{"blocks":[2,2,2],"widths":[8,8,8,8],"inputChannels":3,"classes":5}"#, "stages"),
    ("resnet18", #"{"blocks":[2,2,2,0],"widths":[8,8,8,8],"inputChannels":3,"classes":5}"#, "blocks"),
    ("resnet18", #"{"blocks":[2,2,2,99],"widths":[8,8,8,8],"inputChannels":3,"classes":5}"#, "blocks"),
    ("resnet18", #"{"blocks":[2,2,2,2],"widths":[8,8,8,8,8],"inputChannels":3,"classes":5}"#, "widths"),
    ("resnet18", #"{"blocks":[2,2,2,2],"widths":[8,8,-8,8],"inputChannels":3,"classes":5}"#, "widths"),
    ("resnet18", #"{"blocks":[2,2,2,2],"widths":[8,8,8,8],"inputChannels":3,"classes":0}"#, "classes"),
    ("resnet18", #"{"blocks":[2,2,2,2],"widths":[8,8,8,8],"inputChannels":0,"classes":5}"#, "inputChannels"),
    (
      "resnet50", #"{"block":"basic","blocks":[2,2,2,2],"widths":[8,8,8,8],"groups":2,"inputChannels":3,"classes":5}"#,
      "groups"
    ),
    (
      "resnet18", #"{"blocks":[2,2,2,2],"widths":[8,8,8,8],"widthPerGroup":128,"inputChannels":3,"classes":5}"#,
      "widthPerGroup"
    ),
    (
      "wide_resnet50_2",
      #"{"block":"bottleneck","blocks":[2,2,2,2],"widths":[8,8,8,8],"groups":0,"inputChannels":3,"classes":5}"#,
      "groups"
    ),
    (
      "resnext50_32x4d",
      #"{"block":"bottleneck","blocks":[2,2,2,2],"widths":[8,8,8,8],"groups":2,"widthPerGroup":4,"inputChannels":3,"classes":5}"#,
      "inner width"
    ),
    (
      "densenet121",
      #"{"blocks":[2,2,2],"growth":4,"stem":4,"bottleneck":4,"dropout":0,"inputChannels":3,"classes":5}"#, "blocks"
    ),
    (
      "densenet121",
      #"{"blocks":[2,2,0,2],"growth":4,"stem":4,"bottleneck":4,"dropout":0,"inputChannels":3,"classes":5}"#,
      "layers of a block"
    ),
    (
      "densenet121",
      #"{"blocks":[2,2,2,2],"growth":4,"stem":1,"bottleneck":4,"dropout":0,"inputChannels":3,"classes":5}"#, "stem"
    ),
    (
      "densenet121",
      #"{"blocks":[2,2,2,2],"growth":4,"stem":4,"bottleneck":4,"dropout":1,"inputChannels":3,"classes":5}"#, "dropout"
    ),
    (
      "googlenet",
      #"{"auxiliaryHeads":true,"transformInput":false,"divisor":16,"dropout":0,"auxiliaryDropout":0,"inputChannels":3,"classes":5}"#,
      "divisor"
    ),
    (
      "googlenet",
      #"{"auxiliaryHeads":true,"transformInput":true,"divisor":1,"dropout":0,"auxiliaryDropout":0,"inputChannels":1,"classes":5}"#,
      "inputChannels"
    ),
    (
      "inception_v3",
      #"{"auxiliaryHeads":true,"transformInput":true,"divisor":1,"dropout":0,"inputChannels":4,"classes":5}"#,
      "inputChannels"
    ),
    (
      "shufflenet_v2_x1_0", #"{"blocks":[1,1,1],"widths":[4,8,9,8,4],"inputChannels":3,"classes":5}"#, "widths"
    ),
    ("shufflenet_v2_x1_0", #"{"blocks":[1,1],"widths":[4,8,8,8,4],"inputChannels":3,"classes":5}"#, "stages"),
    (
      "squeezenet1_1",
      #"{"poolRounding":"up","divisor":3,"head":"linear","dropout":0,"inputChannels":3,"classes":5}"#, "divisor"
    ),
    (
      "squeezenet1_1",
      #"{"poolRounding":"up","divisor":1,"head":"linear","dropout":1,"inputChannels":3,"classes":5}"#, "dropout"
    ),
    (
      "squeezenet1_1",
      #"{"poolRounding":"up","divisor":1,"head":"linear","dropout":-0.5,"inputChannels":3,"classes":5}"#, "dropout"
    ),
    (
      "squeezenet-toy",
      #"{"poolRounding":"up","divisor":8,"head":"linear","dropout":0,"inputChannels":3,"classes":-1}"#, "classes"
    ),
    (
      "vgg11", #"{"depth":11,"batchNorm":true,"divisor":3,"dropout":0,"inputChannels":3,"classes":5}"#, "divisor"
    ),
    (
      "vgg11", #"{"depth":11,"batchNorm":true,"divisor":128,"dropout":0,"inputChannels":3,"classes":5}"#, "divisor"
    ),
    ("xai", #"{"dropout":[0.1,0.2],"divisor":1,"inputChannels":3,"classes":5}"#, "rates of dropout"),
    ("xai", #"{"dropout":[0.1,0.2,1.5],"divisor":1,"inputChannels":3,"classes":5}"#, "dropout"),
    (
      "alexnet", #"{"variant":"original","divisor":64,"dropout":0,"inputChannels":3,"classes":5}"#, "divisor"
    ),
    ("alexnet", #"{"variant":"original","divisor":1,"dropout":2,"inputChannels":3,"classes":5}"#, "dropout"),
    ("mlp", #"{"inputs":0,"hidden":[],"activation":"relu","dropout":[],"classes":5}"#, "inputs"),
    ("mlp", #"{"inputs":4,"hidden":[0],"activation":"relu","dropout":[0],"classes":5}"#, "hidden"),
    ("mlp", #"{"inputs":4,"hidden":[3],"activation":"relu","dropout":[0,0],"classes":5}"#, "rates of dropout"),
    ("dbn", #"{"inputs":4,"hidden":[3],"activation":"relu","dropout":[],"pretraining":1,"classes":5}"#, "activation"),
    ("dbn", #"{"inputs":4,"hidden":[],"activation":"sigmoid","dropout":[],"pretraining":1,"classes":5}"#, "layers"),
    (
      "dbn", #"{"inputs":4,"hidden":[3],"activation":"sigmoid","dropout":[],"pretraining":-1,"classes":5}"#,
      "pretraining"
    ),
    ("mlp", #"{"inputs":4,"hidden":[3],"activation":"relu","dropout":[1],"classes":5}"#, "dropout"),
    ("lenet5", #"{"variant":"modern","inputChannels":1,"classes":0}"#, "classes"),
    (
      "fashion-cnn", #"{"inputSide":7,"inputChannels":1,"divisor":1,"dropout":0,"classes":5}"#, "inputSide"
    ),
    (
      "alexnet-original", #"{"variant":"original","divisor":32,"dropout":0.5,"inputChannels":3,"classes":5}"#, "divisor"
    ),
    ("simple-convnet", #"{"inputSide":28,"inputChannels":1,"filters":0,"hidden":9,"classes":5}"#, "filters"),
    ("simple-convnet", #"{"inputSide":5,"inputChannels":1,"filters":9,"hidden":9,"classes":5}"#, "inputSide"),
    ("efficientnet_b0", Self.efficientNet(stages: "[]"), "stages"),
    ("efficientnet_b0", Self.efficientNet(kernel: 4), "kernel"),
    ("efficientnet_b0", Self.efficientNet(stride: 3), "stride"),
    ("efficientnet_b0", Self.efficientNet(rate: 1), "stochasticDepth"),
    ("efficientnet_b0", Self.efficientNet(epsilon: 2), "normEpsilon"),
    (
      "mobilenet_v3_small",
      #"{"stemWidth":8,"rows":[{"kernel":3,"expanded":0,"channels":8,"squeezes":true,"activation":"relu","stride":1,"dilation":1}],"hidden":9,"dropout":0,"normEpsilon":0.001,"normMomentum":0.01,"inputChannels":3,"classes":5}"#,
      "expanded"
    ),
    ("mnasnet1_0", #"{"widths":[8,8,8],"dropout":0,"inputChannels":3,"classes":5}"#, "widths"),
    ("mnasnet1_0", #"{"widths":[8,8,8,8,8,0,8,8],"dropout":0,"inputChannels":3,"classes":5}"#, "widths"),
    ("regnet_x_400mf", Self.regNet(groupWidth: 3), "groupWidths"),
    ("regnet_x_400mf", Self.regNet(groupWidth: 0), "groupWidths"),
    ("regnet_y_400mf", Self.regNet(ratio: "0.01"), "squeezeRatio"),
    ("regnet_y_400mf", Self.regNet(ratio: "-1"), "squeezeRatio"),
    ("resnet20", #"{"blocks":0,"widths":[4,8,16],"inputChannels":3,"classes":5}"#, "blocks"),
    ("resnet20", #"{"blocks":3,"widths":[8,4,16],"inputChannels":3,"classes":5}"#, "widths"),
    ("resnet20", #"{"blocks":3,"widths":[8,16],"inputChannels":3,"classes":5}"#, "widths"),
  ]

  private static func efficientNet(
    stages: String? = nil, kernel: Int = 3, stride: Int = 1, rate: Double = 0, epsilon: Double = 0.001
  ) -> String {
    let stage = #"{"block":"inverted","expansion":1,"kernel":\#(kernel),"stride":\#(stride),"channels":8,"blocks":1}"#
    return #"{"stemWidth":8,"stages":\#(stages ?? "[\(stage)]"),"lastWidth":8,"dropout":0,"stochasticDepth":\#(rate),"#
      + #""normEpsilon":\#(epsilon),"normMomentum":0.1,"inputChannels":3,"classes":5}"#
  }

  private static func regNet(groupWidth: Int = 4, ratio: String = "0") -> String {
    #"{"stemWidth":8,"depths":[1],"widths":[8],"groupWidths":[\#(groupWidth)],"squeezeRatio":\#(ratio),"#
      + #""inputChannels":3,"classes":5}"#
  }

  @Test(arguments: refused)
  func configurationsThatDescribeNoNetworkAreRefused(
    architecture: String, configuration: String, name: String
  ) throws {
    let known = try Registry.zoo.architecture(named: architecture)
    let fault = try #require(throws: ArchitectureFault.self) {
      try known.build(configuration: JSONValue(parsing: configuration))
    }
    guard case .refused(architecture, .outOfRange(name, _, _)) = fault else {
      Issue.record("\(fault)")
      return
    }
    #expect(!fault.description.contains("\n"))
  }

  @Test(
    arguments: ZooCase.families,
    ["null", "[]", "{}", #"{"classes":"many"}"#, #"{"blocks":[1e99,2,2,2]}"#, #"{"depth":12}"#])
  func whatIsNoConfigurationIsRefused(entry: ZooCase, text: String) throws {
    let known = try Registry.zoo.architecture(named: entry.name)
    #expect(throws: ArchitectureFault.badConfiguration(architecture: entry.name, text: text)) {
      try known.build(configuration: JSONValue(parsing: text))
    }
  }

  @Test(arguments: ZooCase.all)
  func parametersAndNamesArePublished(entry: ZooCase) throws {
    let model = try Registry.zoo.architecture(named: entry.name).buildClassifier()
    #expect(model.parameters.reduce(0) { $0 + $1.count } == entry.parameters)
    // The toys of the registry are no published networks.
    guard !entry.name.hasSuffix("-toy") else { return }
    let file = Goldens.url("names/\(entry.name).txt", of: "ModelsTests")
    // Of torchvision's networks, TorchvisionListTests knows the checksums of all names.
    guard FileManager.default.fileExists(atPath: file.path) else {
      #expect(try TorchvisionList.networks()[entry.name] != nil)
      return
    }
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
    #expect(lines.first == "\(entry.parameters)")
    let own = model.cellDescriptions.map { cell in
      cell.shape.isEmpty ? cell.path : "\(cell.path) \(cell.shape.map(String.init).joined(separator: "x"))"
    }
    if let digest = lines.last, digest.hasPrefix("crc32 ") {
      let crc = String(ByteRegion(Array(own.joined(separator: "\n").utf8)).crc32(), radix: 16)
      #expect(digest == "crc32 " + String(repeating: "0", count: 8 - crc.count) + crc)
    } else {
      #expect(own == Array(lines.dropFirst()))
    }
  }

  @Test(arguments: ZooCase.all)
  func fitsTheShapeOfTheData(entry: ZooCase) throws {
    let architecture = try Registry.zoo.architecture(named: entry.name)
    var input = architecture.input
    #expect(try architecture.buildClassifier(input: input).configuration.outputs >= 2)
    input[0] = input[0] == 3 ? 1 : 3
    let fault = try #require(throws: ArchitectureFault.self) { try architecture.build(input: input) }
    guard case .refused(entry.name, _) = fault else {
      Issue.record("\(fault)")
      return
    }
    // Building passes what it has fitted through validation.
    let model = try architecture.build(fitting: input)
    let configuration = model.configurationValue
    #expect(try architecture.build(configuration: configuration, input: input).configurationValue == configuration)
  }

  static let floor = ZooCase.value(
    of: {
      var configuration = SqueezeNet.Configuration.toy
      configuration.poolRounding = .down
      return configuration
    }())

  static let floorOfThePaper = ZooCase.value(
    of: {
      var configuration = SqueezeNet.Configuration.toyOfThePaper
      configuration.poolRounding = .down
      return configuration
    }())

  static let least: [(name: String, configuration: JSONValue, least: Int)] =
    ZooCase.families.compactMap { entry in entry.least.map { (entry.name, entry.configuration, $0) } }
    + [("squeezenet-toy", floor, 31), ("squeezenet1_0", floorOfThePaper, 35)]

  @Test(arguments: least)
  func theSmallestInputWorksAndSmallerOnesAreRefused(name: String, configuration: JSONValue, least: Int) throws {
    let known = try Registry.zoo.architecture(named: name)
    let model = try known.buildClassifier(configuration: configuration, input: [3, least, least])
    model.initialize(seed: 1)
    var numbers = TestNumbers(seed: 1)
    let x = Tensor(numbers.floats(6 * least * least), shape: [2, 3, least, least])
    func check(_ model: some Classifier) { #expect(model(x).scalars.allSatisfy { $0.isFinite }) }
    check(model)
    for input in [[3, least - 1, least], [3, least, least - 1], [3, 0, 0]] {
      let fault = try #require(throws: ArchitectureFault.self) {
        try known.build(configuration: configuration, input: input)
      }
      guard case .refused(name, .inputTooSmall(_, Array(input.dropFirst()), least)) = fault else {
        Issue.record("\(fault)")
        continue
      }
    }
    let grey = try #require(throws: ArchitectureFault.self) {
      try known.build(configuration: configuration, input: [1, 96, 96])
    }
    guard case .refused(name, .wrongChannels(_, 1, 3)) = grey else {
      Issue.record("\(grey)")
      return
    }
  }

  static let wrong: [(name: String, input: [Int])] = [
    ("lenet5", [1, 30, 30]), ("lenet5", [1, 28, 32]), ("lenet5", [784]), ("mlp", [1, 28, 27]), ("mlp", []),
    ("mlp", [783]), ("fashion-cnn", [1, 32, 32]), ("simple-convnet", [1, 28, 29]), ("resnet18", [3]),
    ("vgg16", [224, 224]),
  ]

  @Test(arguments: wrong)
  func inputsOfAnotherKindAreRefused(name: String, input: [Int]) throws {
    let known = try Registry.zoo.architecture(named: name)
    let fault = try #require(throws: ArchitectureFault.self) { try known.build(input: input) }
    guard case .refused(name, .wrongInput(_, input, _)) = fault else {
      Issue.record("\(fault)")
      return
    }
    #expect(!fault.description.contains("\n"))
  }

  @Test func unknownNamesAreRefusedWithThoseThereAre() throws {
    #expect(throws: ArchitectureFault.unknown(name: "resnet19", known: Registry.zoo.architectures.map(\.name))) {
      try Registry.zoo.architecture(named: "resnet19")
    }
    #expect(Set(Registry.zoo.architectures.map(\.name)).count == Registry.zoo.architectures.count)
    #expect(throws: ArchitectureFault.unnamed) { try Registry.zoo.model(from: Checkpoint(), path: "x.h5") }
  }
}
