// The names that timm and Hugging Face's transformers give MobileNets.

import AviaryCheckpoints

extension HubNames {
  /// timm's `mobilenetv2_100`: blocks are counted by stages there, and in one row here.
  static let timmMobileNetV2 = NameTable(
    "timm", counting: "blocks.{s}.{b}",
    [
      .init("conv_stem", "features.0.0"), .init("bn1", "features.0.1"),
    ]
      + timmBlock(
        "features.{n+1}.conv.", expanded: ["0.0", "0.1", "1.0", "1.1", "2", "3"], plain: ["0.0", "0.1", "1", "2"])
      + [
        .init("conv_head", "features.{count+1}.0"), .init("bn2", "features.{count+1}.1"),
        .init("classifier", "classifier.1"),
      ])

  /// The convolutions and normalisations of a block, with and without an expansion.
  private static func timmBlock(_ place: String, expanded: [String], plain: [String]) -> [NameTable.Rule] {
    let last = "blocks.{s}.{b}.conv_pwl.weight"
    let names = ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"]
    let plainNames = ["conv_dw", "bn1", "conv_pw", "bn2"]
    return zip(names, expanded).map { .init("blocks.{s}.{b}.\($0)", place + $1, ifPresent: last) }
      + zip(plainNames, plain).map { .init("blocks.{s}.{b}.\($0)", place + $1, ifAbsent: last) }
  }

  /// timm's `mobilenetv3_large_100` and `mobilenetv3_small_100`. Where a block has no squeeze and excitation, what follows
  /// is counted one lower. The layers after the pool are convolutions there and linear here.
  static let timmMobileNetV3 = NameTable(
    "timm", counting: "blocks.{s}.{b}",
    [
      .init("conv_stem", "features.0.0"), .init("bn1", "features.0.1"),
      .init("blocks.{s}.{b}.conv", "features.{n+1}.0"),
      .init("blocks.{s}.{b}.bn1", "features.{n+1}.1", ifPresent: "blocks.{s}.{b}.conv.weight"),
    ] + timmSqueezed(expands: true) + timmSqueezed(expands: false) + [
      .init("conv_head", "classifier.0", shape: .matrix), .init("classifier", "classifier.3"),
    ])

  private static func timmSqueezed(expands: Bool) -> [NameTable.Rule] {
    let (from, place) = ("blocks.{s}.{b}.", "features.{n+1}.block.")
    let last = from + "conv_pwl.weight"
    func rule(_ name: String, _ target: String) -> NameTable.Rule {
      .init(from + name, place + target, ifPresent: expands ? last : nil, ifAbsent: expands ? nil : last)
    }
    /// What comes after the squeeze, which may be absent.
    func rules(_ name: String, _ number: Int, _ target: String) -> [NameTable.Rule] {
      let squeeze = from + "se.conv_reduce.weight"
      return expands
        ? [
          .init(from + name, "\(place)\(number).\(target)", ifPresent: squeeze),
          .init(from + name, "\(place)\(number - 1).\(target)", ifAbsent: squeeze),
        ]
        : [
          .init(from + name, "\(place)\(number).\(target)", ifPresent: squeeze, ifAbsent: last),
          .init(from + name, "\(place)\(number - 1).\(target)", ifAbsent: squeeze),
        ]
    }
    if expands {
      return [
        rule("conv_pw", "0.0"), rule("bn1", "0.1"), rule("conv_dw", "1.0"), rule("bn2", "1.1"),
        rule("se.conv_reduce", "2.fc1"), rule("se.conv_expand", "2.fc2"),
      ] + rules("conv_pwl", 3, "0") + rules("bn3", 3, "1")
    }
    return [
      rule("conv_dw", "0.0"), rule("bn1", "0.1"), rule("se.conv_reduce", "1.fc1"), rule("se.conv_expand", "1.fc2"),
    ] + rules("conv_pw", 2, "0") + rules("bn2", 2, "1")
  }

  /// transformers' `MobileNetV2ForImageClassification`: the stem has the first block in it.
  static let mobileNetV2 = NameTable(
    "Hugging Face's transformers", prefix: "mobilenet_v2.", counting: "layer.{i}",
    [
      .init("conv_stem.first_conv.convolution", "features.0.0"),
      .init("conv_stem.first_conv.normalization", "features.0.1"),
      .init("conv_stem.conv_3x3.convolution", "features.1.conv.0.0"),
      .init("conv_stem.conv_3x3.normalization", "features.1.conv.0.1"),
      .init("conv_stem.reduce_1x1.convolution", "features.1.conv.1"),
      .init("conv_stem.reduce_1x1.normalization", "features.1.conv.2"),
      .init("layer.{i}.expand_1x1.convolution", "features.{i+2}.conv.0.0"),
      .init("layer.{i}.expand_1x1.normalization", "features.{i+2}.conv.0.1"),
      .init("layer.{i}.conv_3x3.convolution", "features.{i+2}.conv.1.0"),
      .init("layer.{i}.conv_3x3.normalization", "features.{i+2}.conv.1.1"),
      .init("layer.{i}.reduce_1x1.convolution", "features.{i+2}.conv.2"),
      .init("layer.{i}.reduce_1x1.normalization", "features.{i+2}.conv.3"),
      .init("conv_1x1.convolution", "features.{count+2}.0"), .init("conv_1x1.normalization", "features.{count+2}.1"),
      .init("classifier", "classifier.1"),
    ])

  static func mobileNets(_ name: String) -> [ForeignOriginal] {
    switch name {
    case "mobilenet_v2":
      return [
        ForeignOriginal(
          timmMobileNetV2,
          names: ["mobilenetv2_100", "mobilenetv2_050", "mobilenetv2_075", "mobilenetv2_140", "mobilenetv2_035"]),
        ForeignOriginal(
          mobileNetV2, type: "mobilenet_v2",
          refuses: { configuration in
            if let stride = configuration["output_stride"]?.integer, stride != 32 {
              return "a MobileNetV2 with an output stride of \(stride), whose last convolutions are dilated"
            }
            return activation(configuration, "relu6")
          },
          changes: { configuration in
            // TensorFlow's padding, which is what the published ones were trained with.
            configuration["tf_padding"]?.boolean ?? true ? [.init(name: "padding", value: "same")] : []
          },
          epsilons: { [("", $0["layer_norm_eps"]?.double ?? 1e-3)] }),
      ]
    // timm's own have PyTorch's epsilon where torchvision's have 0.001.
    case "mobilenet_v3_large":
      return [ForeignOriginal(timmMobileNetV3, names: ["mobilenetv3_large_100"], epsilons: { _ in [("", 1e-5)] })]
    case "mobilenet_v3_small":
      return [ForeignOriginal(timmMobileNetV3, names: ["mobilenetv3_small_100"], epsilons: { _ in [("", 1e-5)] })]
    default: return []
    }
  }
}
