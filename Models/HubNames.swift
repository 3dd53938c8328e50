// The names that timm and Hugging Face's transformers give the zoo's networks and their tensors. The zoo's own are
// torchvision's. Tables of networks that the zoo does not have are of no consequence.

import AviaryCheckpoints

enum HubNames {
  /// What other programs call a network of this name.
  static func originals(of name: String) -> [ForeignOriginal] {
    resNets(name) + visionTransformers(name) + convNeXts(name) + mobileNets(name) + languageModels(name)
  }

  private static func lists(_ values: [String: [Int]]) -> [JSONValue.Member] {
    values.sorted { $0.key < $1.key }.map { .init($0.key, .array($0.value.map { .integer($0) })) }
  }

  // MARK: ResNet

  /// transformers' `ResNetForImageClassification`. timm's names are torchvision's.
  static let resNet = NameTable(
    "Hugging Face's transformers", prefix: "resnet.",
    [
      .init("embedder.embedder.convolution", "conv1"), .init("embedder.embedder.normalization", "bn1"),
      .init("encoder.stages.{s}.layers.{b}.shortcut.convolution", "layer{s+1}.{b}.downsample.0"),
      .init("encoder.stages.{s}.layers.{b}.shortcut.normalization", "layer{s+1}.{b}.downsample.1"),
      .init("encoder.stages.{s}.layers.{b}.layer.{i}.convolution", "layer{s+1}.{b}.conv{i+1}"),
      .init("encoder.stages.{s}.layers.{b}.layer.{i}.normalization", "layer{s+1}.{b}.bn{i+1}"),
      .init("classifier.1", "fc"),
    ])

  private static let resNetSizes: [String: (block: String, blocks: [Int])] = [
    "resnet18": ("basic", [2, 2, 2, 2]), "resnet34": ("basic", [3, 4, 6, 3]), "resnet50": ("bottleneck", [3, 4, 6, 3]),
    "resnet101": ("bottleneck", [3, 4, 23, 3]), "resnet152": ("bottleneck", [3, 8, 36, 3]),
  ]

  /// timm's names for what torchvision calls otherwise.
  private static let timmResNets = [
    "wide_resnet50_2", "wide_resnet101_2", "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d",
  ]

  private static func resNets(_ name: String) -> [ForeignOriginal] {
    let timm = ForeignOriginal(NameTable("timm", []), names: [name, "tv_" + name, "gluon_\(name)_v1b"])
    if timmResNets.contains(name) { return [timm] }
    guard let size = resNetSizes[name] else { return [] }
    let transformers = ForeignOriginal(
      resNet, type: "resnet", members: lists(["depths": size.blocks]) + [.init("layer_type", .text(size.block))],
      refuses: { configuration in
        if configuration["downsample_in_first_stage"]?.boolean == true { return "a ResNet that halves its first stage" }
        if configuration["downsample_in_bottleneck"]?.boolean == true {
          return "a ResNet that halves in the first convolution of its blocks"
        }
        return activation(configuration, "relu")
      })
    return [timm, transformers]
  }

  // MARK: GPT-2

  /// transformers' `GPT2Model`; the names of `GPT2LMHeadModel` are the zoo's.
  static let gpt2 = NameTable(
    "Hugging Face's transformers",
    [
      .init("wte", "transformer.wte"), .init("wpe", "transformer.wpe"), .init("h", "transformer.h"),
      .init("ln_f", "transformer.ln_f"),
    ])

  private static let gpt2Activations = [
    "gelu_new": "tanh_gelu", "gelu_pytorch_tanh": "tanh_gelu", "gelu_fast": "tanh_gelu", "gelu": "gelu", "relu": "relu",
    "silu": "silu", "swish": "silu", "tanh": "tanh",
  ]

  /// What transformers takes where `config.json` says nothing is GPT-2's.
  private static func gpt2Activation(_ configuration: JSONValue) -> String {
    configuration["activation_function"]?.text ?? "gelu_new"
  }

  private static func languageModels(_ name: String) -> [ForeignOriginal] {
    guard name == "char-transformer" else { return [] }
    return [
      ForeignOriginal(
        gpt2, type: "gpt2",
        refuses: { configuration in
          if configuration["scale_attn_weights"]?.boolean == false { return "a GPT-2 whose attention is not scaled" }
          if configuration["scale_attn_by_inverse_layer_idx"]?.boolean == true {
            return "a GPT-2 whose attention is scaled by the number of the layer"
          }
          let name = gpt2Activation(configuration)
          return gpt2Activations[name] == nil ? "a GPT-2 with the activation '\(name.prefix(40))'" : nil
        },
        changes: { configuration in
          // A configuration without these members describes no network.
          guard configuration.members?.isEmpty == false else { return [] }
          return [
            ConfigurationChange(name: "heads", value: "\(configuration["n_head"]?.integer ?? 12)"),
            ConfigurationChange(
              name: "activation", value: gpt2Activations[gpt2Activation(configuration)] ?? "tanh_gelu"),
          ]
        },
        epsilons: { configuration in [("", configuration["layer_norm_epsilon"]?.double ?? 1e-5)] })
    ]
  }

  // MARK: ViT and DeiT

  private static let block = "encoder.layers.encoder_layer_{i}."

  /// timm's `VisionTransformer`.
  static let timmVisionTransformer = NameTable(
    "timm",
    [
      .init("patch_embed.proj", "conv_proj"), .init("cls_token", "class_token"),
      .init("pos_embed", "encoder.pos_embedding"), .init("blocks.{i}.norm1", block + "ln_1"),
      .init("blocks.{i}.attn.qkv.weight", block + "self_attention.in_proj_weight"),
      .init("blocks.{i}.attn.qkv.bias", block + "self_attention.in_proj_bias"),
      .init("blocks.{i}.attn.proj", block + "self_attention.out_proj"), .init("blocks.{i}.norm2", block + "ln_2"),
      .init("blocks.{i}.mlp.fc1", block + "mlp.0"), .init("blocks.{i}.mlp.fc2", block + "mlp.3"),
      .init("norm", "encoder.ln"), .init("head", "heads.head"),
    ])

  /// transformers' `ViTForImageClassification` and `DeiTForImageClassification`, whose queries, keys and values are linear
  /// layers of their own. The pooler is for other tasks.
  static func visionTransformer(prefix: String) -> NameTable {
    NameTable(
      "Hugging Face's transformers", prefix: prefix,
      joining: ["weight", "bias"].map { part in
        .init(["query", "key", "value"].map { "self_attention.\($0).\(part)" }, "self_attention.in_proj_\(part)")
      },
      unused: ["pooler."],
      [
        .init("embeddings.patch_embeddings.projection", "conv_proj"), .init("embeddings.cls_token", "class_token"),
        .init("embeddings.position_embeddings", "encoder.pos_embedding"),
        .init("encoder.layer.{i}.layernorm_before", block + "ln_1"),
        .init("encoder.layer.{i}.attention.attention.query", block + "self_attention.query"),
        .init("encoder.layer.{i}.attention.attention.key", block + "self_attention.key"),
        .init("encoder.layer.{i}.attention.attention.value", block + "self_attention.value"),
        .init("encoder.layer.{i}.attention.output.dense", block + "self_attention.out_proj"),
        .init("encoder.layer.{i}.layernorm_after", block + "ln_2"),
        .init("encoder.layer.{i}.intermediate.dense", block + "mlp.0"),
        .init("encoder.layer.{i}.output.dense", block + "mlp.3"), .init("layernorm", "encoder.ln"),
        .init("classifier", "heads.head"),
      ])
  }

  /// Smaller ones than torchvision's are those of the same patch, in the sizes of their tensors.
  private static let transformerSizes: [String: (width: Int, layers: Int, patch: Int, names: [String])] = [
    "vit_b_16": (
      768, 12, 16,
      ["vit_base_patch16_224", "vit_base_patch16_384", "deit_base_patch16_224", "deit_base_patch16_384"]
        + ["vit_small_patch16_224", "vit_small_patch16_384", "deit_small_patch16_224"]
        + ["vit_tiny_patch16_224", "vit_tiny_patch16_384", "deit_tiny_patch16_224"]
    ),
    "vit_b_32": (
      768, 12, 32,
      ["vit_base_patch32_224", "vit_base_patch32_384", "vit_small_patch32_224", "vit_small_patch32_384"]
    ),
    "vit_l_16": (1024, 24, 16, ["vit_large_patch16_224", "vit_large_patch16_384"]),
    "vit_l_32": (1024, 24, 32, ["vit_large_patch32_224", "vit_large_patch32_384"]),
    "vit_h_14": (1280, 32, 14, ["vit_huge_patch14_224"]),
  ]

  private static func visionTransformers(_ name: String) -> [ForeignOriginal] {
    guard let size = transformerSizes[name] else { return [] }
    let members: [JSONValue.Member] = [
      .init("hidden_size", .integer(size.width)), .init("num_hidden_layers", .integer(size.layers)),
      .init("patch_size", .integer(size.patch)),
    ]
    let transformers = [("vit", "vit."), ("deit", "deit.")].map { type, prefix in
      ForeignOriginal(
        visionTransformer(prefix: prefix), type: type, members: members,
        refuses: { configuration in
          let isDistilled = configuration["architectures"]?.texts?.contains { $0.hasSuffix("WithTeacher") } ?? false
          if isDistilled { return "a distilled DeiT, which has a second token and a second head" }
          return activation(configuration, "gelu")
        },
        changes: { configuration in
          // No tensor says how many heads share its width.
          configuration["num_attention_heads"]?.integer.map { [.init(name: "heads", value: "\($0)")] } ?? []
        },
        epsilons: { configuration in [("", configuration["layer_norm_eps"]?.double ?? 1e-12)] })
    }
    return [ForeignOriginal(timmVisionTransformer, names: size.names)] + transformers
  }

  // MARK: ConvNeXt

  /// timm's `ConvNeXt`.
  static let timmConvNeXt = NameTable(
    "timm",
    [
      .init("stem.0", "features.0.0"), .init("stem.1", "features.0.1"),
    ] + convNeXtStages("stages.{s}.downsample.{i}", "stages.{s}.blocks.{b}.", convNeXtParts(timm: true)) + [
      .init("head.norm", "classifier.0"), .init("head.fc", "classifier.2"),
    ])

  /// transformers' `ConvNextForImageClassification`.
  static let convNeXt = NameTable(
    "Hugging Face's transformers", prefix: "convnext.",
    [
      .init("embeddings.patch_embeddings", "features.0.0"), .init("embeddings.layernorm", "features.0.1"),
    ]
      + convNeXtStages(
        "encoder.stages.{s}.downsampling_layer.{i}", "encoder.stages.{s}.layers.{b}.", convNeXtParts(timm: false)) + [
        .init("layernorm", "classifier.0"), .init("classifier", "classifier.2"),
      ])

  private static func convNeXtParts(timm: Bool) -> [(String, String, NameTable.Rule.Shape)] {
    [
      (timm ? "conv_dw" : "dwconv", "block.0", .kept), (timm ? "norm" : "layernorm", "block.2", .kept),
      // timm's smaller ones have convolutions of 1×1 for linear layers.
      (timm ? "mlp.fc1" : "pwconv1", "block.3", .matrix), (timm ? "mlp.fc2" : "pwconv2", "block.5", .matrix),
      (timm ? "gamma" : "layer_scale_parameter", "layer_scale", .perChannel),
    ]
  }

  /// torchvision counts stages and what halves the image before them in one row: features.1, .2, .3 …
  private static func convNeXtStages(
    _ downsampling: String, _ block: String, _ parts: [(String, String, NameTable.Rule.Shape)]
  ) -> [NameTable.Rule] {
    (0..<4).flatMap { stage -> [NameTable.Rule] in
      func named(_ text: String) -> String { text.replacing("{s}", with: "\(stage)") }
      return [.init(named(downsampling), "features.\(2 * stage).{i}")]
        + parts.map { .init(named(block) + $0.0, "features.\(2 * stage + 1).{b}.\($0.1)", shape: $0.2) }
    }
  }

  private static let convNeXtSizes: [String: (depths: [Int], widths: [Int])] = [
    "convnext_tiny": ([3, 3, 9, 3], [96, 192, 384, 768]), "convnext_small": ([3, 3, 27, 3], [96, 192, 384, 768]),
    "convnext_base": ([3, 3, 27, 3], [128, 256, 512, 1024]), "convnext_large": ([3, 3, 27, 3], [192, 384, 768, 1536]),
  ]

  private static func convNeXts(_ name: String) -> [ForeignOriginal] {
    guard let size = convNeXtSizes[name] else { return [] }
    return [
      ForeignOriginal(timmConvNeXt, names: [name]),
      ForeignOriginal(
        convNeXt, type: "convnext", members: lists(["depths": size.depths, "hidden_sizes": size.widths]),
        refuses: { activation($0, "gelu") },
        epsilons: { [("classifier.0", $0["layer_norm_eps"]?.double ?? 1e-12)] }),
    ]
  }

  /// Why a network with another activation is another network; nil where it is this one.
  static func activation(_ configuration: JSONValue, _ own: String) -> String? {
    let found = configuration["hidden_act"]?.text ?? own
    return found == own ? nil : "a network with the activation '\(found.prefix(40))' instead of \(own)"
  }
}
