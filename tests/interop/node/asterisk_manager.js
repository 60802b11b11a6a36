// asterisk-manager against a running server: port, then user and secret. Prints the names of the events that it saw.
const [port, user, secret] = process.argv.slice(2);
const ami = new (require('asterisk-manager'))(Number(port), '127.0.0.1', user, secret, true);
ami.keepConnected();
const seen = [];
let channel = null;
let round = 0;
let left = 2;

function fail(what) { console.error(what, JSON.stringify(seen)); process.exit(1); }
setTimeout(() => fail('it took too long'), 80000);

function act(action, then) {
  ami.action(action, (error, answer) => (error ? fail(`${action.action}: ${JSON.stringify(error)}`) : then && then(answer)));
}

ami.on('managerevent', (event) => {
  seen.push(event.event);
  if (event.event === 'OriginateResponse') {
    channel = event.channel;
    act({ action: 'getvar', channel, variable: 'FOO' }, (answer) => {
      if (answer.value !== 'bar') fail(`FOO is ${answer.value}`);
      act({ action: 'redirect', channel, context: 'phones', exten: '2', priority: '1' });
    });
  } else if (event.event === 'UserEvent' && event.where === '2') {
    act({ action: 'hangup', channel });
  } else if (event.event === 'Hangup' && channel && event.channel.startsWith(channel.slice(0, -1)) && (left -= 1) === 0) {  // both halves: else the next one sees the end of this one's
    round += 1;
    channel = null;
    left = 2;
    if (round === 1) {
      ami.disconnect();
      setTimeout(() => ami.connect(Number(port), '127.0.0.1', () => ami.login(() => originate())), 100);
    } else {
      console.log(seen.join(' '));
      process.exit(0);
    }
  }
});

function originate() {
  act({ action: 'originate', channel: 'Local/1@phones/n', context: 'phones', exten: '1', priority: '1', async: 'true', variable: 'FOO=bar' });
}
ami.once('connect', () => setTimeout(originate, 300));
