import AviaryCheckpoints
import AviaryLayers

extension Registry {
  /// The networks that come with Aviary. A program adds its own: `Registry.zoo.adding(…)`.
  public static let zoo = Registry(
    [
      Architecture(
        "resnet18", "residual network with 18 layers (He et al., 2015)", ResNet.self, .resnet18, input: [3, 224, 224]),
      Architecture(
        "resnet34", "residual network with 34 layers (He et al., 2015)", ResNet.self, .resnet34, input: [3, 224, 224]),
      Architecture(
        "resnet50", "residual network with 50 layers, of bottlenecks (He et al., 2015)", ResNet.self, .resnet50,
        input: [3, 224, 224]),
      Architecture(
        "resnet101", "residual network with 101 layers, of bottlenecks (He et al., 2015)", ResNet.self, .resnet101,
        input: [3, 224, 224]),
      Architecture(
        "resnet152", "residual network with 152 layers, of bottlenecks (He et al., 2015)", ResNet.self, .resnet152,
        input: [3, 224, 224]),
      Architecture(
        "resnet20", "residual network for CIFAR-10 with 20 layers (He et al., 2015)", CIFARResNet.self, .resnet20,
        input: [3, 32, 32]),
      Architecture(
        "resnet32", "residual network for CIFAR-10 with 32 layers (He et al., 2015)", CIFARResNet.self, .resnet32,
        input: [3, 32, 32]),
      Architecture(
        "resnet44", "residual network for CIFAR-10 with 44 layers (He et al., 2015)", CIFARResNet.self, .resnet44,
        input: [3, 32, 32]),
      Architecture(
        "resnet56", "residual network for CIFAR-10 with 56 layers (He et al., 2015)", CIFARResNet.self, .resnet56,
        input: [3, 32, 32]),
      Architecture(
        "resnet110", "residual network for CIFAR-10 with 110 layers (He et al., 2015)", CIFARResNet.self, .resnet110,
        input: [3, 32, 32]),
      Architecture(
        "resnet-toy", "a narrow and short residual network, for tests", ResNet.self, .toy, input: [3, 64, 64]),
      Architecture(
        "squeezenet1_1", "SqueezeNet 1.1 (Iandola et al., 2016)", SqueezeNet.self, .squeezenet1_1,
        input: [3, 227, 227],
        keras: .squeezeNet),
      Architecture(
        "squeezenet-toy", "SqueezeNet 1.1 with an eighth of the channels, for tests", SqueezeNet.self, .toy,
        input: [3, 64, 64]),
      Architecture(
        "gcn", "graph convolutional network (Kipf & Welling, 2017)", GCN.self, .gcn, input: [1433], kinds: [.graphs]),
      Architecture(
        "gcn-toy", "a graph convolutional network of three narrow layers, for tests", GCN.self, .toy, input: [12],
        kinds: [.graphs]),
      Architecture(
        "char-lstm", "character language model, two layers of LSTM (Graves, 2013)", CharacterModel.self, .lstm,
        input: [65],
        kinds: [.text]),
      Architecture(
        "char-gru", "character language model, two layers of GRU", CharacterModel.self, .gru, input: [65],
        kinds: [.text]),
      Architecture(
        "char-rnn", "character language model, two plain recurrent layers", CharacterModel.self, .rnn, input: [65],
        kinds: [.text]),
      Architecture(
        "char-toy", "a small character language model, for tests", CharacterModel.self, .toy, input: [7], kinds: [.text]
      ),
      Architecture(
        "sequence-lstm", "LSTM with one answer for a time series, or a text in a table", SequenceClassifier.self, .lstm,
        input: [24],
        kinds: [.tables]),
      Architecture(
        "sequence-gru", "GRU with one answer for a time series, or a text in a table", SequenceClassifier.self, .gru,
        input: [24],
        kinds: [.tables]),
      Architecture(
        "sequence-toy", "a small GRU in both directions, for tests", SequenceClassifier.self, .toy, input: [6, 3],
        kinds: [.tables]),
      Architecture(
        "mobilenet_v2", "inverted residuals with linear bottlenecks (Sandler et al., 2018)", MobileNetV2.self,
        .mobilenetV2, input: [3, 224, 224]),
      Architecture(
        "alexnet", "AlexNet in one tower (Krizhevsky, 2014)", AlexNet.self, .alexnet, input: [3, 224, 224]),
      Architecture(
        "alexnet-original", "AlexNet with groups and local response normalisation (Krizhevsky et al., 2012)",
        AlexNet.self, .original, input: [3, 227, 227]),
      Architecture(
        "vgg11", "VGG with 11 layers (Simonyan & Zisserman, 2014)", VGG.self, .vgg11, input: [3, 224, 224]),
      Architecture(
        "vgg13", "VGG with 13 layers (Simonyan & Zisserman, 2014)", VGG.self, .vgg13, input: [3, 224, 224]),
      Architecture(
        "vgg16", "VGG with 16 layers (Simonyan & Zisserman, 2014)", VGG.self, .vgg16, input: [3, 224, 224]),
      Architecture(
        "vgg19", "VGG with 19 layers (Simonyan & Zisserman, 2014)", VGG.self, .vgg19, input: [3, 224, 224]),
      Architecture(
        "vgg11_bn", "VGG with 11 layers and batch normalisation", VGG.self, .vgg11BatchNorm, input: [3, 224, 224]),
      Architecture(
        "vgg13_bn", "VGG with 13 layers and batch normalisation", VGG.self, .vgg13BatchNorm, input: [3, 224, 224]),
      Architecture(
        "vgg16_bn", "VGG with 16 layers and batch normalisation", VGG.self, .vgg16BatchNorm, input: [3, 224, 224]),
      Architecture(
        "vgg19_bn", "VGG with 19 layers and batch normalisation", VGG.self, .vgg19BatchNorm, input: [3, 224, 224]),
      Architecture(
        "xai", "VGG-like network for small images (Liu & Deng, 2015)", XAINet.self, .xai, input: [3, 100, 100]),
      Architecture(
        "lenet5", "LeNet-5 with relu and max pooling (after LeCun et al., 1998)", LeNet.self, .lenet5,
        input: [1, 28, 28]),
      Architecture(
        "lenet5-original", "LeNet-5 with tanh and average pooling (LeCun et al., 1998)", LeNet.self, .original,
        input: [1, 32, 32]),
      Architecture(
        "mlp", "multilayer perceptron 784-256-128-10", MLP.self, .mlp, input: [1, 28, 28], kinds: [.images, .tables]),
      Architecture(
        "mlp-784-300-100-10", "multilayer perceptron 784-300-100-10", MLP.self, .mlp300, input: [1, 28, 28],
        kinds: [.images, .tables]),
      Architecture(
        "fashion-dnn", "multilayer perceptron for Fashion-MNIST, the same as mlp", MLP.self, .mlp, input: [1, 28, 28]),
      Architecture(
        "dbn", "deep belief network 784-500-250-10 (Hinton et al., 2006); with one hidden layer, a Boltzmann machine",
        MLP.self, .deepBelief, input: [1, 28, 28], takesProbabilities: true),
      Architecture(
        "fashion-cnn", "convolutional network for Fashion-MNIST with batch normalisation", FashionCNN.self, .fashionCNN,
        input: [1, 28, 28]),
      Architecture(
        "simple-convnet", "one convolution and one hidden layer (Saito, 2016)", SimpleConvNet.self, .simpleConvNet,
        input: [1, 28, 28]),
    ])
}
