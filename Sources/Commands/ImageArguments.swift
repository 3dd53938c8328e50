import ArgumentParser
import Aviary

/// How images are prepared, augmented and mixed.
struct ImageArguments: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The side of the images (the checkpoint's, else the architecture's).", valueName: "n"))
  var imageSize: Int?
  @Option(
    help: ArgumentHelp(
      "Random changes: none, standard (random resized crops and horizontal flips), or a list of standard, flip, vertical-flip, rotation=DEGREES, shift=, shear=DEGREES, zoom=, brightness=, contrast=, saturation=, hue=, noise=, erasing= (standard; none with a frozen backbone and for IDX and CIFAR files).",
      valueName: "changes"))
  var augment: AugmentationArgument?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The smallest fraction of an image's area that a random crop keeps (0.08).", valueName: "x"))
  var cropScale: Double?
  @Flag(
    inversion: .prefixedNo,
    help: "Evaluate on centre crops with a margin, as torchvision does, instead of on the largest square (on).")
  var cropMargin: Bool?
  @Flag(
    inversion: .prefixedNo,
    help: "Compute the features of a frozen backbone once and keep them, unless images are augmented (on).")
  var featureCache: Bool?
  @Option(
    help: ArgumentHelp(
      "The class names of IDX and CIFAR files in the order of their numbers: a list, or a file with one per line.",
      valueName: "a,b,c|file"))
  var classes: String?
  @Option(parsing: .unconditional, help: ArgumentHelp("Mixup's alpha (0).", valueName: "x"))
  var mixup: Double?
  @Option(parsing: .unconditional, help: ArgumentHelp("CutMix's alpha (0).", valueName: "x"))
  var cutmix: Double?

  func validate() throws {
    if let classes {
      do throws(CommandFault) { _ = try SourceOptions.classNames(classes) } catch { throw ValidationError("\(error)") }
    }
    try checkOption("--image-size", imageSize, in: 1...8192)
    try checkOption("--crop-scale", cropScale, "above 0 and at most 1") { $0 > 0 && $0 <= 1 }
    for (name, alpha) in [("--mixup", mixup), ("--cutmix", cutmix)] {
      try checkOption(name, alpha, "from 0 to 100") { $0 >= 0 && $0 <= 100 }
    }
    if let mixup, let cutmix, mixup > 0, cutmix > 0 { throw ValidationError("--mixup and --cutmix exclude each other") }
  }

  /// The augmentation that was asked for, or the default.
  func augmentation(default usual: Augmentation?) -> Augmentation? { augment.map(\.augmentation) ?? usual }

  /// - Parameters:
  ///   - usual: the augmentation if none was asked for.
  ///   - limit: the most images of each class.
  func options(usual: Augmentation?, limit: Int?) throws -> ImageOptions {
    var images = ImageOptions()
    images.classes = try classes.map(SourceOptions.classNames)
    images.imageSize = imageSize
    images.augmentation = augmentation(default: usual)
    if let cropScale { images.augmentation?.scale = cropScale...1 }
    images.hasCropMargin = cropMargin ?? images.hasCropMargin
    images.usesFeatureCache = featureCache ?? images.usesFeatureCache
    images.mixup = mixup ?? 0
    images.cutMix = cutmix ?? 0
    images.limit = limit
    return images
  }
}
