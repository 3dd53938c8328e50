import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryCheckpoints
@testable import AviaryModels

/// Weights under the names of timm and transformers, with the files that hubs have beside them.
@Suite struct HubNamesTests {
  static let folder = PackageRoot.url.appendingPathComponent("Tests/ModelsTests/Goldens/hub").path

  private func expectLogits(_ model: some Classifier, _ file: String) throws {
    let golden = try Checkpoint.read(from: "\(Self.folder)/\(file)")
    let input = try #require(golden["input"]?.tensor())
    let logits = try #require(golden["logits"]?.doubles())
    expectClose(actual: model(input).scalars, expected: logits, name: file)
  }

  @Test(arguments: [
    ("resnet-basic", "resnet18", 5), ("resnet-bottleneck", "resnet50", 5), ("mobilenet_v2", "mobilenet_v2", 6),
  ]) func aHubsFileNeedsNoOption(name: String, architecture: String, classes: Int) throws {
    let path = "\(Self.folder)/\(name)/model.safetensors"
    let checkpoint = try Checkpoint.read(from: path)
    let (model, known, report) = try Registry.zoo.classifier(from: checkpoint, path: path)
    // The toy's depths are nobody's; its blocks tell the smaller networks from the larger.
    #expect(known.name == architecture && report.isComplete)
    #expect(model.configuration.outputs == classes)
    let names = ["tench", "crane", "crane (2)", "drake", "owl", "lynx"]
    #expect(checkpoint.metadata.classes == Array(names.prefix(classes)))
    #expect(checkpoint.metadata.preprocessing != nil)
    func check(_ model: some Classifier) throws { try expectLogits(model, "\(name)/expected.safetensors") }
    try check(model)
    // What becomes of it is a file of Aviary's own, with all that it needs.
    let (whole, _) = try #require(try Registry.zoo.recognized(checkpoint, path: path))
    let copy = FileManager.default.temporaryDirectory.appendingPathComponent("hub-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: copy) }
    try whole.write(to: copy)
    let again = try Registry.zoo.classifier(from: Checkpoint.read(from: copy), path: copy).model
    func checkAgain(_ model: some Classifier) throws { try expectLogits(model, "\(name)/expected.safetensors") }
    try checkAgain(again)
  }

  /// transformers keeps the matrices of GPT-2 as [inputs, outputs], the square ones too.
  @Test(arguments: ["", "transformer."], [true, false])
  func theMatricesOfGPT2AreTurned(prefix: String, isDescribed: Bool) throws {
    let model = CharacterTransformer(.init(context: 8, layers: 2, heads: 3, width: 6, bias: true, outputs: 7))
    model.initialize(seed: 1)
    var file = Checkpoint()
    file.format = .safetensors
    for entry in model.checkpoint().entries where entry.path != "lm_head.weight" {
      let isTurned = [".c_attn.weight", ".c_proj.weight", ".c_fc.weight"].contains(where: entry.path.hasSuffix)
      let name = prefix + entry.path.dropFirst("transformer.".count)
      file.set(isTurned ? entry.array.permuted([1, 0]) : entry.array, at: name)
    }
    for layer in 0..<2 {
      file.set(StoredArray([Float](repeating: 1, count: 64), shape: [1, 1, 8, 8]), at: prefix + "h.\(layer).attn.bias")
      file.set(StoredArray([-1e4], shape: []), at: prefix + "h.\(layer).attn.masked_bias")
    }
    if isDescribed {
      file.hub = HubDescription(
        .members([
          "model_type": .text("gpt2"), "n_head": .integer(3), "activation_function": .text("gelu"),
          "layer_norm_epsilon": .number("1e-5"),
        ]))
    }
    let architecture = try Registry.zoo.architecture(named: "char-transformer")
    if isDescribed { #expect(Registry.zoo.architecture(for: try #require(file.hub))?.name == "char-transformer") }
    let (found, report) = try file.adapted(to: architecture, path: "f.pth")
    #expect(report.isComplete && report.allowed.unexpected.count == 4)
    for entry in model.checkpoint().entries where entry.path != "lm_head.weight" {
      #expect(found[entry.path]?.floats() == entry.array.floats(), "\(entry.path)")
    }
    #expect(
      found.notes.contains { $0.hasPrefix("transposed, as") && $0.contains("transformer.h.*.attn.c_proj.weight") })
    if isDescribed { #expect(found.metadata.configuration?["heads"]?.integer == 3) }
    // nanoGPT's own stay as they are.
    let own = try TensorSizesTests.stateDictionary(of: model).adapted(to: architecture, path: "f.pth").checkpoint
    #expect(!own.notes.contains { $0.hasPrefix("transposed") })
    #expect(
      own["transformer.h.1.attn.c_proj.weight"]?.floats() == found["transformer.h.1.attn.c_proj.weight"]?.floats())
  }

  @Test func namesOfTimmAreKnownWithoutADescription() throws {
    let path = "\(Self.folder)/mobilenet_v2/model.safetensors"
    let stored = try Checkpoint.read(from: path)
    let json = try JSONValue(
      parsing: Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/mobilenet_v2/timm_names.json")))
    var timm = Checkpoint()
    for member in try #require(json.members) {
      let name = try #require(member.value.text)
      timm.set(try #require(stored[name]), at: member.name)
    }
    timm.format = .safetensors
    let (checkpoint, report) = try timm.adapted(to: Registry.zoo.architecture(named: "mobilenet_v2"), path: "timm")
    #expect(report.isComplete)
    let model = try Registry.zoo.classifier(from: checkpoint, path: "timm").model
    func check(_ model: some Classifier) throws { try expectLogits(model, "mobilenet_v2/timm_expected.safetensors") }
    try check(model)
    // A tensor that no rule knows is not passed over.
    timm.set(StoredArray([1.0 as Float], shape: [1]), at: "blocks.0.0.unknown.weight")
    #expect(throws: CheckpointFault.self) {
      try timm.adapted(to: Registry.zoo.architecture(named: "mobilenet_v2"), path: "timm")
    }
  }

  // MARK: Tables of networks

  private func names(_ table: NameTable, _ paths: [String]) -> [String?] { table.names(of: paths).map { $0?.path } }

  @Test func visionTransformers() throws {
    let timm = names(
      HubNames.timmVisionTransformer,
      [
        "cls_token", "pos_embed", "patch_embed.proj.weight", "blocks.11.norm1.bias", "blocks.0.attn.qkv.weight",
        "blocks.0.attn.qkv.bias", "blocks.3.attn.proj.weight", "blocks.3.mlp.fc1.weight", "blocks.3.mlp.fc2.bias",
        "norm.weight", "head.bias", "fc_norm.weight",
      ])
    let layer = "encoder.layers.encoder_layer_"
    #expect(
      timm == [
        "class_token", "encoder.pos_embedding", "conv_proj.weight", layer + "11.ln_1.bias",
        layer + "0.self_attention.in_proj_weight", layer + "0.self_attention.in_proj_bias",
        layer + "3.self_attention.out_proj.weight", layer + "3.mlp.0.weight", layer + "3.mlp.3.bias",
        "encoder.ln.weight",
        "heads.head.bias", nil,
      ])
    let table = HubNames.visionTransformer(prefix: "vit.")
    #expect(
      names(
        table,
        [
          "vit.embeddings.cls_token", "embeddings.position_embeddings",
          "vit.embeddings.patch_embeddings.projection.bias",
          "vit.encoder.layer.2.layernorm_before.weight", "vit.encoder.layer.2.attention.output.dense.bias",
          "vit.encoder.layer.2.layernorm_after.bias", "vit.encoder.layer.2.intermediate.dense.weight",
          "vit.encoder.layer.2.output.dense.weight", "vit.layernorm.weight", "classifier.bias",
        ]) == [
          "class_token", "encoder.pos_embedding", "conv_proj.bias", layer + "2.ln_1.weight",
          layer + "2.self_attention.out_proj.bias", layer + "2.ln_2.bias", layer + "2.mlp.0.weight",
          layer + "2.mlp.3.weight",
          "encoder.ln.weight", "heads.head.bias",
        ])
  }

  /// Small DeiTs, and everybody's own: no tensor says how many heads there are, and the description does.
  @Test func descriptionsSayHowManyHeadsThereAre() throws {
    var configuration = VisionTransformer.Configuration.vitB16
    (configuration.imageSize, configuration.patch, configuration.layers) = (16, 8, 1)
    (configuration.heads, configuration.width, configuration.hidden, configuration.classes) = (4, 128, 8, 3)
    let model = VisionTransformer(configuration)
    model.initialize(seed: 1)
    let parts = [
      ("class_token", "vit.embeddings.cls_token"), ("encoder.pos_embedding", "vit.embeddings.position_embeddings"),
      ("conv_proj.", "vit.embeddings.patch_embeddings.projection."), ("encoder.ln.", "vit.layernorm."),
      ("heads.head.", "classifier."), ("encoder.layers.encoder_layer_0.", "vit.encoder.layer.0."),
      ("ln_1.", "layernorm_before."), ("ln_2.", "layernorm_after."),
      ("self_attention.out_proj.", "attention.output.dense."), ("mlp.0.", "intermediate.dense."),
      ("mlp.3.", "output.dense."),
    ]
    var checkpoint = Checkpoint()
    for entry in model.checkpoint().entries {
      let name = parts.reduce(entry.path) { $0.replacing($1.0, with: $1.1) }
      guard let joined = name.firstRange(of: "self_attention.in_proj_"), let values = entry.array.floats() else {
        checkpoint.set(entry.array, at: name)
        continue
      }
      let shape = [entry.array.shape[0] / 3] + entry.array.shape.dropFirst()
      for (place, part) in ["query", "key", "value"].enumerated() {
        let size = values.count / 3
        checkpoint.set(
          StoredArray(Array(values[place * size..<(place + 1) * size]), shape: shape),
          at: name[..<joined.lowerBound] + "attention.attention.\(part)." + name[joined.upperBound...])
      }
    }
    checkpoint.hub = HubDescription(
      try JSONValue(
        parsing: #"""
          {"model_type": "vit", "hidden_size": 128, "num_hidden_layers": 1, "num_attention_heads": 4, "patch_size": 8,
           "layer_norm_eps": 1e-6, "hidden_act": "gelu"}
          """#))
    let read = try Registry.zoo.classifier(from: checkpoint, path: "file").model
    let again = try #require(read as? VisionTransformer)
    #expect(again.configuration.heads == 4)
    var numbers = TestNumbers(seed: 3)
    let image = Tensor(numbers.floats(3 * 16 * 16), shape: [1, 3, 16, 16])
    #expect(again(image) == model(image))
  }

  @Test func queriesKeysAndValuesAreJoined() throws {
    var checkpoint = Checkpoint()
    for (place, name) in ["query", "key", "value"].enumerated() {
      let first = Float(10 * place)
      let path = "vit.encoder.layer.7.attention.attention.\(name)"
      checkpoint.set(StoredArray([first, first + 1, first + 2, first + 3], shape: [2, 2]), at: path + ".weight")
      checkpoint.set(StoredArray([first, -first], shape: [2]), at: path + ".bias")
    }
    checkpoint.set(StoredArray([5.0 as Float], shape: [1]), at: "vit.pooler.dense.bias")
    let joined = try checkpoint.translated(by: HubNames.visionTransformer(prefix: "vit."))
    let layer = "encoder.layers.encoder_layer_7.self_attention.in_proj_"
    #expect(joined.paths.sorted() == [layer + "bias", layer + "weight"])
    #expect(joined[layer + "weight"]?.shape == [6, 2])
    #expect(joined[layer + "weight"]?.floats() == [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23])
    #expect(joined[layer + "bias"]?.floats() == [0, 0, 10, -10, 20, -20])
    #expect(joined.notes.contains { $0.contains("vit.pooler.dense.bias") }, "what is not used is said")
    #expect(
      joined.conversions.contains(
        .joined(
          path: layer + "bias",
          from: ["query", "key", "value"].map { "vit.encoder.layer.7.attention.attention.\($0).bias" })))
  }

  @Test func convNeXt() throws {
    #expect(
      names(
        HubNames.timmConvNeXt,
        [
          "stem.0.weight", "stem.1.bias", "stages.0.blocks.2.conv_dw.weight", "stages.1.downsample.0.weight",
          "stages.1.downsample.1.weight", "stages.3.blocks.0.norm.bias", "stages.3.blocks.0.mlp.fc1.weight",
          "stages.3.blocks.0.mlp.fc2.weight", "stages.2.blocks.8.gamma", "head.norm.weight", "head.fc.bias",
        ]) == [
          "features.0.0.weight", "features.0.1.bias", "features.1.2.block.0.weight", "features.2.0.weight",
          "features.2.1.weight", "features.7.0.block.2.bias", "features.7.0.block.3.weight",
          "features.7.0.block.5.weight",
          "features.5.8.layer_scale", "classifier.0.weight", "classifier.2.bias",
        ])
    #expect(
      names(
        HubNames.convNeXt,
        [
          "convnext.embeddings.patch_embeddings.weight", "convnext.embeddings.layernorm.weight",
          "convnext.encoder.stages.1.downsampling_layer.0.weight", "convnext.encoder.stages.3.layers.1.dwconv.bias",
          "convnext.encoder.stages.3.layers.1.layernorm.bias", "convnext.encoder.stages.3.layers.1.pwconv1.bias",
          "convnext.encoder.stages.3.layers.1.pwconv2.bias", "convnext.encoder.stages.0.layers.0.layer_scale_parameter",
          "convnext.layernorm.weight", "classifier.weight",
        ]) == [
          "features.0.0.weight", "features.0.1.weight", "features.2.0.weight", "features.7.1.block.0.bias",
          "features.7.1.block.2.bias", "features.7.1.block.3.bias", "features.7.1.block.5.bias",
          "features.1.0.layer_scale",
          "classifier.0.weight", "classifier.2.weight",
        ])
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray([1.0 as Float, 2, 3], shape: [3]), at: "stages.0.blocks.0.gamma")
    #expect(try checkpoint.translated(by: HubNames.timmConvNeXt)["features.1.0.layer_scale"]?.shape == [3, 1, 1])
  }

  /// `mobilenetv3_small_100`: the first block has a squeeze and no expansion, the second and third no squeeze.
  @Test func mobileNetV3() throws {
    let paths = [
      "conv_stem.weight", "bn1.weight", "blocks.0.0.conv_dw.weight", "blocks.0.0.bn1.weight",
      "blocks.0.0.se.conv_reduce.weight", "blocks.0.0.se.conv_expand.bias", "blocks.0.0.conv_pw.weight",
      "blocks.0.0.bn2.weight", "blocks.1.0.conv_pw.weight", "blocks.1.0.bn1.bias", "blocks.1.0.conv_dw.weight",
      "blocks.1.0.bn2.bias", "blocks.1.0.conv_pwl.weight", "blocks.1.0.bn3.bias", "blocks.1.1.conv_pwl.weight",
      "blocks.2.0.conv_pw.weight", "blocks.2.0.se.conv_reduce.weight", "blocks.2.0.conv_pwl.weight",
      "blocks.2.0.bn3.weight", "blocks.5.0.conv.weight", "blocks.5.0.bn1.weight", "conv_head.weight",
      "classifier.weight",
    ]
    #expect(
      names(HubNames.timmMobileNetV3, paths) == [
        "features.0.0.weight", "features.0.1.weight", "features.1.block.0.0.weight", "features.1.block.0.1.weight",
        "features.1.block.1.fc1.weight", "features.1.block.1.fc2.bias", "features.1.block.2.0.weight",
        "features.1.block.2.1.weight", "features.2.block.0.0.weight", "features.2.block.0.1.bias",
        "features.2.block.1.0.weight", "features.2.block.1.1.bias", "features.2.block.2.0.weight",
        "features.2.block.2.1.bias", "features.3.block.2.0.weight", "features.4.block.0.0.weight",
        "features.4.block.2.fc1.weight", "features.4.block.3.0.weight", "features.4.block.3.1.weight",
        "features.5.0.weight", "features.5.1.weight", "classifier.0.weight", "classifier.3.weight",
      ])
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray([1.0 as Float, 2, 3, 4, 5, 6], shape: [3, 2, 1, 1]), at: "conv_head.weight")
    #expect(try checkpoint.translated(by: HubNames.timmMobileNetV3)["classifier.0.weight"]?.shape == [3, 2])
  }

  /// timm's smaller ones have 1×1 convolutions for linear layers.
  @Test func convolutionsOfOnePixelAreLinearLayers() throws {
    var checkpoint = Checkpoint()
    checkpoint.set(
      StoredArray([1.0 as Float, 2, 3, 4, 5, 6], shape: [3, 2, 1, 1]), at: "stages.0.blocks.0.mlp.fc1.weight")
    #expect(try checkpoint.translated(by: HubNames.timmConvNeXt)["features.1.0.block.3.weight"]?.shape == [3, 2])
  }

  /// The same tensors under the name of another network, such as one that blurs before it halves, are said to be that.
  @Test func aDescriptionOfAnotherNetworkIsSaid() throws {
    var configuration = ResNet.Configuration.resnet18
    configuration.widths = [8, 8, 8, 8]
    let model = ResNet(configuration)
    model.initialize(seed: 1)
    var checkpoint = TensorSizesTests.stateDictionary(of: model)
    let resNet = try Registry.zoo.architecture(named: "resnet18")
    for (name, isKnown) in [("resnet18.a1_in1k", true), ("resnetblur18", false), ("resnet34", false)] {
      checkpoint.hub = HubDescription(.object([.init("architecture", .text(name))]))
      let notes = try checkpoint.adapted(to: resNet, path: "f").checkpoint.notes
      #expect(!notes.contains { $0.contains("config.json calls the network '\(name)'") } == isKnown, "\(name)")
    }
  }

  @Test func twoTensorsOfOneNameAreRefused() throws {
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray([1.0 as Float], shape: [1]), at: "vit.layernorm.weight")
    checkpoint.set(StoredArray([2.0 as Float], shape: [1]), at: "layernorm.weight")
    #expect(
      throws: CheckpointFault.renameCollides(
        tensor: "encoder.ln.weight", first: "vit.layernorm.weight", second: "layernorm.weight")
    ) { try checkpoint.translated(by: HubNames.visionTransformer(prefix: "vit.")) }
  }

  @Test func otherNetworksAreRefusedByName() throws {
    func described(_ text: String) throws -> HubDescription {
      try #require(HubDescription(try JSONValue(parsing: text)))
    }
    #expect(Registry.zoo.architecture(for: try described(#"{"model_type": "bert"}"#)) == nil)
    #expect(Registry.zoo.architecture(for: try described(#"{"architecture": "resnet18d"}"#)) == nil)
    #expect(Registry.zoo.architecture(for: try described(#"{"architecture": "resnet34.a1_in1k"}"#))?.name == "resnet34")
    let sizes = #"{"model_type": "resnet", "depths": [3, 4, 23, 3], "layer_type": "bottleneck", "#
    #expect(Registry.zoo.architecture(for: try described(sizes + #""hidden_act": "relu"}"#))?.name == "resnet101")
    var checkpoint = try Checkpoint.read(from: "\(Self.folder)/resnet-basic/model.safetensors")
    checkpoint.hub = try described(sizes + #""hidden_act": "gelu"}"#)
    #expect(throws: CheckpointFault.self) { try Registry.zoo.recognized(checkpoint, path: "file") }
    checkpoint.hub = try described(sizes + #""downsample_in_bottleneck": true}"#)
    #expect(throws: CheckpointFault.self) { try Registry.zoo.recognized(checkpoint, path: "file") }
  }
}
